#!/bin/sh
# Builds the vendored front-end files with their licences. Needs Node and npm; the result is committed.
set -eu
cd "$(dirname "$0")"
target=../../src/gridkeeper/web/static/vendor
npm ci --silent
mkdir -p "$target"
cp node_modules/@tabler/core/dist/css/tabler.min.css "$target/tabler.min.css"
# The package names its licence (MIT) but does not carry the text.
cp tabler.LICENSE "$target/tabler.LICENSE"
cp node_modules/htmx.org/dist/htmx.min.js "$target/htmx.min.js"
cp node_modules/htmx.org/LICENSE "$target/htmx.LICENSE"
node_modules/.bin/esbuild echarts.js --bundle --minify --legal-comments=none --outfile="$target/echarts.min.js" --log-level=warning
cp node_modules/echarts/LICENSE "$target/echarts.LICENSE"
cp node_modules/echarts/NOTICE "$target/echarts.NOTICE"
cp node_modules/zrender/LICENSE "$target/zrender.LICENSE"
node world.mjs "$target/world.svg"
cp world.LICENSE "$target/world.LICENSE"
sed -i '/sourceMappingURL/d' "$target"/*.css "$target"/*.js
# The server hands out the compressed twin where it exists.
for file in "$target"/*.css "$target"/*.js "$target"/*.svg; do gzip -9nkf "$file"; done
(cd "$target" && sha256sum ./*.css ./*.js ./*.svg >SHA256SUMS)
rm -rf node_modules
for file in "$target"/*.css "$target"/*.js "$target"/*.svg; do
    printf '%s %s bytes compressed\n' "$(basename "$file")" "$(gzip -9c "$file" | wc -c)"
done
