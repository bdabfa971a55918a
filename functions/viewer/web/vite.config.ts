import { defineConfig } from "vite";

// One HTML shell per page: each loads only what it needs, and Vite writes the preload links itself.
const PAGES = ["list", "view", "edit", "lineage", "docs", "sessions", "message"];

export default defineConfig({
  base: "/",
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2022",
    // An inline data: URL or script would need a looser Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rolldownOptions: { input: Object.fromEntries(PAGES.map((page) => [page, `${page}.html`])) },
  },
});
