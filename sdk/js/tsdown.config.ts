import { defineConfig } from "tsdown";

export default defineConfig({
  entry: "src/index.ts",
  format: ["esm", "cjs"],
  platform: "neutral",
  target: "es2022",
  dts: true,
  clean: true,
  logLevel: "warn",
  // Types of `await using`, whatever the user's own `lib` says.
  banner: { dts: '/// <reference lib="esnext.disposable" />' },
  outputOptions: { comments: false },
});
