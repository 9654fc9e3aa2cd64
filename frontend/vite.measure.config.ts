import { resolve } from "node:path";
import { defineConfig } from "vite";

// One script for tests/frontend/measure_timeline.py, which gives the folder (--outDir).
export default defineConfig({
  publicDir: false,
  build: {
    target: "es2022",
    lib: { entry: resolve(import.meta.dirname, "measure/timeline.ts"), formats: ["iife"], name: "measure", fileName: () => "measure.js" },
  },
});
