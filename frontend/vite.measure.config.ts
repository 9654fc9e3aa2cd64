import { resolve } from "node:path";
import { defineConfig } from "vite";

// One script for tests/frontend/measure_timeline.py, which gives the folder (--outDir). Texts may wait for their catalogue
// (src/i18n/t.ts), which only a module or an asynchronous function can; in English nothing waits.
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: resolve(import.meta.dirname, "measure/timeline.ts"), formats: ["es"], fileName: () => "measure.js" },
    rollupOptions: { output: { codeSplitting: false, banner: "(async () => {", footer: "})();" } },
  },
});
