import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

const entry = (name: string): string => resolve(import.meta.dirname, "src/pages", `${name}.ts`);

export default defineConfig({
  // Files find each other relative to themselves, so the portal may serve them under any prefix.
  base: "./",
  publicDir: false,
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    target: "es2022",
    // No inlined data: the policy allows no origin but our own.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: {
        app: entry("app"),
        camera: entry("camera"),
        overview: entry("overview"),
        sync: entry("sync"),
        estate: entry("estate"),
        "own-keys": entry("own-keys"),
        "held-keys": entry("held-keys"),
        "held-password": entry("held-password"),
        offline: entry("offline"),
        // Served by the portal under an address that stays, with what it is to keep written before it.
        sw: resolve(import.meta.dirname, "src/sw/worker.ts"),
      },
      output: {
        // Waiting for a catalogue (src/i18n/t.ts) makes the bundler cut finer; these keep pages at as few requests as without.
        codeSplitting: {
          groups: [
            { name: "base", test: /preload-helper|src\/(i18n\/t|dom|times|frame\/words|frame\/theme|frame\/cookies)\.ts$/ },
            { name: "api", test: /src\/api\/(client|clock)\.ts$/ },
            // The wall knows refusals; the player's code comes to it only when there is something to watch.
            { name: "refusals", test: /src\/(keys\/failure|player\/trust|sealing\/(bytes|errors)|media\/mp4|stills\/decoder)\.ts$/ },
            { name: "watch", test: /src\/(player|timeline|live|keys|media|sealing)\/|src\/words\.ts$/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  worker: { format: "es" },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
});
