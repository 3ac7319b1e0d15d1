#!/usr/bin/env node
/*
 * The `shoal` command of the published package. Written so that a Node.js of any age can read it and say what is
 * needed, in place of a syntax error; everything else is in dist/cli/main.js.
 */
"use strict";

var needed = 24;
var version = process.versions.node;
if (Number(version.split(".")[0]) < needed) {
  console.error("shoal: Node.js " + needed + " or newer is needed; this is " + version);
  console.error("       It is " + process.execPath + "; https://nodejs.org has newer ones");
  process.exit(1);
}
require("../dist/cli/main.js").main();
