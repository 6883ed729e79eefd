// The outline of the world for the map page: land and borders as two paths of degrees, longitude to the right and
// latitude downwards, so that a viewBox chooses what is seen. Data: Natural Earth (public domain), by world-atlas.
import fs from "node:fs";
import { feature, mesh } from "topojson-client";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";

const STEP = 20; // units a degree: 0.05 degrees are less than a pixel until the map is 50 degrees wide
const read = (name, weight, least) => {
  const topology = simplify(presimplify(JSON.parse(fs.readFileSync(`node_modules/world-atlas/${name}.json`))), weight);
  return filter(topology, filterWeight(topology, least));
};

// Neighbours more than half the world apart lie on either side of 180 degrees: unroll, and draw a second copy.
function unrolled(line) {
  let turn = 0;
  return line.map(([x, y], i) => {
    if (i) { const jump = x - line[i - 1][0]; if (jump > 180) turn -= 360; else if (jump < -180) turn += 360; }
    return [x + turn, y];
  });
}
function path(line, isRing) {
  let points = unrolled(line);
  const [first, last] = [points[0], points[points.length - 1]];
  // What runs around a pole does not close by itself.
  if (isRing && Math.abs(first[0] - last[0]) > 180) points = [...points, [last[0], -90], [first[0], -90]];
  const shifts = [0];
  if (points.some(([x]) => x > 180)) shifts.push(-360);
  if (points.some(([x]) => x < -180)) shifts.push(360);
  return shifts.map((shift) => {
    let text = "", at = null, steps = 0;
    for (const [x, y] of points) {
      const to = [Math.round((x + shift) * STEP), Math.round(-y * STEP)];
      if (at && to[0] === at[0] && to[1] === at[1]) continue;
      text += at ? `${to[0] - at[0]} ${to[1] - at[1]} ` : `M${to[0]} ${to[1]}l`;
      if (at) steps += 1;
      at = to;
    }
    if (steps < (isRing ? 2 : 1)) return ""; // smaller than a step
    return text.trim().replaceAll(" -", "-") + (isRing ? "z" : "");
  }).join("");
}

const land = feature(...((t) => [t, t.objects.land])(read("land-50m", 0.02, 0.15)));
const geometry = (land.features || [land]).flatMap((each) => each.geometry.type === "Polygon" ? [each.geometry.coordinates] : each.geometry.coordinates);
const countries = read("countries-50m", 0.03, 0);
const borders = mesh(countries, countries.objects.countries, (a, b) => a !== b).coordinates;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-3600 -1800 7200 3600"><path id="land" vector-effect="non-scaling-stroke" d="${geometry.flat().map((ring) => path(ring, true)).join("")}"/><path id="borders" fill="none" vector-effect="non-scaling-stroke" d="${borders.map((line) => path(line, false)).join("")}"/></svg>\n`;
fs.writeFileSync(process.argv[2], svg);
