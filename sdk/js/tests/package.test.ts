/** What is published: its size, what is left of it when only a part is used, and who can load it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Rollup } from "vite";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const NAMES = ["ApiError", "Book", "Client", "Refused", "Stream", "StreamError", "listen"];
const text = (file: string) => readFileSync(join(ROOT, file), "utf8");
const described = JSON.parse(text("package.json"));

/** The size of a program that uses something of the package, bundled by Vite as users have it. */
async function bundled(code: string): Promise<string> {
  const entry = "\0entry";
  const result = (await build({
    root: ROOT,
    configFile: false,
    logLevel: "silent",
    plugins: [
      {
        name: "entry",
        resolveId: (id) =>
          id === "entry" ? entry : id === "kk0" ? join(ROOT, "dist/index.js") : null,
        load: (id) => (id === entry ? code : null),
      },
    ],
    build: {
      write: false,
      modulePreload: { polyfill: false },
      target: "es2022",
      rollupOptions: { input: "entry" },
    },
  })) as Rollup.RollupOutput;
  return result.output[0].code;
}

test.each(["dist/index.js", "dist/index.cjs"])("%s is less than 8 kB gzipped", (file) => {
  expect(gzipSync(text(file), { level: 9 }).length).toBeLessThan(8_000);
});

test("a program that uses only Book has nothing else of it", async () => {
  const code = await bundled('import { Book } from "kk0"; console.log(new Book());');
  console.log(`Book alone: ${gzipSync(code, { level: 9 }).length} bytes gzipped`);
  expect(gzipSync(code, { level: 9 }).length).toBeLessThan(1_000);
  expect(code).not.toMatch(/WebSocket|heartbeat|v1\/streams/);
});

test("a program that uses only Stream has no control plane in it", async () => {
  const code = await bundled('import { Stream } from "kk0"; console.log(new Stream());');
  console.log(`Stream alone: ${gzipSync(code, { level: 9 }).length} bytes gzipped`);
  expect(code).not.toMatch(/v1\/streams/);
});

test("it needs nothing, has no side effects, and gives types first", () => {
  expect(described).not.toHaveProperty("dependencies");
  expect(described).not.toHaveProperty("peerDependencies");
  expect(described.sideEffects).toBe(false);
  expect(Object.keys(described.exports["."])).toEqual(["import", "require"]);
  for (const way of ["import", "require"]) {
    const [first, ...rest] = Object.keys(described.exports["."][way]);
    expect([first, rest]).toEqual(["types", ["default"]]);
  }
});

test.each([
  [
    "--input-type=module",
    'import * as kk0 from "kk0"; console.log(JSON.stringify(Object.keys(kk0)))',
  ],
  ["--input-type=commonjs", 'console.log(JSON.stringify(Object.keys(require("kk0"))))'],
])("Node loads it: %s", (kind, program) => {
  const said = execFileSync(process.execPath, [kind, "-e", program], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(JSON.parse(said).sort()).toEqual(NAMES);
});

test("its types are those that users need, and none of them is any", () => {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const run = () =>
    execFileSync(process.execPath, [tsc, "-p", join(ROOT, "tests/consumer")], { encoding: "utf8" });
  expect(run).not.toThrow();
  const code = text("dist/index.d.ts").replace(/\/\*[^]*?\*\//g, "");
  expect(code).not.toMatch(/\bany\b/);
});
