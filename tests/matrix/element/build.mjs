// node build.mjs NODE_MODULES SITE: app.jsx with all that it needs, as files for a browser. What
// Element Web's own build does with webpack, as far as a picture needs it.
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [modules, site] = process.argv.slice(2).map((each) => path.resolve(each));
const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(modules, "build.js"));
const sdk = path.join(modules, "matrix-react-sdk");

// The styles, all in one file that lies where its addresses are relative to.
async function styles() {
    const folder = path.join(sdk, "res/themes/light/css");
    const postcss = require("postcss");
    const plugins = ["import", "mixins", "simple-vars", "nested", "easings", "hexrgba"];
    const made = await postcss(plugins.map((each) => require(`postcss-${each}`)())).process(
        await readFile(path.join(folder, "light.pcss")),
        { from: path.join(folder, "light.pcss"), parser: require("postcss-scss") },
    );
    const file = path.join(folder, "light.made.css");
    await writeFile(file, made.css);
    return file;
}

// Pictures are addresses, and components where somebody asks for those.
const pictures = {
    name: "pictures",
    setup(build) {
        build.onLoad({ filter: /\.svg$/ }, async ({ path: file, with: how }) => {
            const text = await readFile(file, "utf8");
            const url = `data:image/svg+xml,${encodeURIComponent(text)}`;
            const inner = JSON.stringify(text.replace(/^[^]*?<svg[^>]*>|<\/svg>\s*$/g, ""));
            const box = JSON.stringify(/viewBox="([^"]*)"/.exec(text)?.[1] ?? null);
            const contents = `
                const React = require("react");
                exports.__esModule = true;
                exports.default = ${JSON.stringify(url)};
                exports.Icon = (props) => React.createElement("svg", {
                    viewBox: ${box} ?? undefined, width: "1em", height: "1em", fill: "none", ...props,
                    dangerouslySetInnerHTML: { __html: ${inner} },
                });`;
            return { contents, loader: "js", resolveDir: modules };
        });
    },
};

// What a browser does not have, and what nobody asks for while a room is shown.
const absent = {
    name: "absent",
    setup(build) {
        const empty = { path: "empty", namespace: "absent" };
        const lib = path.join(sdk, "lib");
        // What it was made from is named in what was made of it.
        build.onResolve({ filter: /^\.{1,2}\/.*\.tsx?$/ }, ({ path: name, resolveDir }) =>
            resolveDir.startsWith(lib)
                ? { path: path.join(resolveDir, name.replace(/\.tsx?$/, ".js")) }
                : undefined,
        );
        build.onResolve({ filter: /^[./]+\/src\// }, ({ path: name, resolveDir }) =>
            resolveDir.startsWith(lib)
                ? { path: path.join(lib, name.replace(/^[./]+\/src\//, "") + ".js") }
                : undefined,
        );
        build.onResolve({ filter: /\/workers\/(?:blurhash|playback)\w+Factory$/ }, () => ({
            path: "worker",
            namespace: "absent",
        }));
        build.onResolve({ filter: /\/workers\/indexeddb\w+Factory$|^opus-recorder|^maplibre-gl$|RecorderWorklet(\.ts)?$|^!!raw/ }, () => empty);
        build.onResolve({ filter: /^\$webapp\/i18n\/languages\.json$/ }, () => ({
            path: "languages",
            namespace: "absent",
        }));
        build.onResolve({ filter: /^[a-z:_/]+$/ }, ({ path: name }) =>
            isBuiltin(name) && !existsSync(path.join(modules, name))
                ? { ...empty, path: name === "util" ? "util" : "empty" }
                : undefined,
        );
        const i18n = { path: "i18n", namespace: "absent" };
        build.onResolve({ filter: /^matrix-web-i18n$/ }, () => i18n);
        const contents = {
            empty: "exports.__esModule = true;",
            worker: "exports.__esModule = true; exports.default = () => ({ postMessage() {} });",
            languages: 'module.exports = "i18n/languages.json";',
            util: `exports.isArray = Array.isArray;
                exports.isDate = (value) => value instanceof Date;`,
            i18n: `exports.KEY_SEPARATOR = "|";
                exports.normalizeLanguageKey = (name) => name.toLowerCase().replace("_", "-");
                exports.getNormalizedLanguageKeys = (name) => [exports.normalizeLanguageKey(name)];`,
        };
        build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path: name }) => ({
            contents: contents[name],
            loader: "js",
        }));
    },
};

await mkdir(path.join(site, "css"), { recursive: true });
const { build } = require("esbuild");
const common = {
    bundle: true,
    nodePaths: [modules],
    logLevel: "error",
    loader: { ".png": "file", ".gif": "file", ".woff2": "file", ".woff": "file", ".ttf": "file" },
};
await build({
    ...common,
    entryPoints: { app: path.join(here, "app.jsx") },
    outdir: site,
    format: "esm",
    minify: true,
    plugins: [absent, pictures],
    define: { "process.env.NODE_ENV": '"production"', "global": "globalThis" },
    inject: [path.join(here, "globals.mjs")],
});
await build({
    ...common,
    entryPoints: { light: await styles() },
    outdir: path.join(site, "css"),
    loader: { ...common.loader, ".svg": "file" },
});
await cp(path.join(here, "index.html"), path.join(site, "index.html"));
await mkdir(path.join(site, "i18n"), { recursive: true });
await writeFile(path.join(site, "i18n/languages.json"), '{"en": "en_EN.json"}');
await cp(path.join(sdk, "src/i18n/strings/en_EN.json"), path.join(site, "i18n/en_EN.json"));
await cp(
    path.join(modules, "@matrix-org/matrix-sdk-crypto-wasm/pkg"),
    path.join(site, "pkg"),
    { recursive: true },
);
