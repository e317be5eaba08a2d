import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  logLevel: "warn",
  build: {
    outDir: "../../../plugins/bond-page/bond_page/static",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    // Nothing inline: the server's policy forbids it.
    assetsInlineLimit: 0,
  },
});
