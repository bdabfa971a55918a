import { readdirSync, readFileSync } from "node:fs";
import { codeGenerator } from "vega-functions";
import { defineConfig, type Plugin } from "vite";

// What the library runs to read expressions, each a script without imports: `--mode reading` and `--mode patterns`.
const SCRIPTS: Record<string, string> = { reading: "src/expressions/bundle.ts", patterns: "src/expressions/patterns.ts" };

/** The licences of the packages that are in a script, beside it. */
function writeLicences(fileName: string): Plugin {
  return {
    name: "licences",
    generateBundle() {
      const modules = [...this.getModuleIds()].filter((id) => id.includes("/node_modules/"));
      // Of code that came to a package from elsewhere, which says so at its head.
      const notices = modules.flatMap((id) => readFileSync(id, "utf8").match(/\/\*(?:(?!\*\/)[^])*Copyright(?:(?!\*\/)[^])*\*\//g) ?? []);
      const folders = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []);
      const texts = [...new Set(folders)].sort().map((folder) => {
        const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as Record<string, string>;
        const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
        if (!licence) throw new Error(`${name} has no licence`);
        return `${name} ${version}\n\n${readFileSync(`${folder}/${licence}`, "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName, source: [...texts, ...new Set(notices)].join(`\n${"-".repeat(80)}\n\n`) });
    },
  };
}

export default defineConfig(({ mode }) => ({
  define: { VEGA_FUNCTIONS: JSON.stringify(Object.keys(codeGenerator.functions).sort()) },
  plugins: [writeLicences(`${mode}-LICENSES.txt`)],
  build: {
    outDir: "../../../shared/dashboards/vega/scripts",
    emptyOutDir: false,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
    // Notices that their authors keep in the code stay there.
    rolldownOptions: { output: { comments: { legal: true } } },
    lib: { entry: SCRIPTS[mode]!, formats: ["iife"], name: "script", fileName: () => `${mode}.js` },
  },
}));
