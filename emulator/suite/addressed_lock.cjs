/* Adds to a lock file of npm's the address of each package in a registry.
 *
 * The project's lock file names no registry, so that npm asks the one for which it is configured. But without
 * an address npm first reads the list of all versions of each package, which takes half of an installation.
 * The lock file's hashes are kept, so that no address can bring another package.
 *
 *     node emulator/suite/addressed_lock.cjs <registry> < package-lock.json
 */

const fs = require("node:fs");

const registry = process.argv[2].replace(/\/*$/, "/");
const lock = JSON.parse(fs.readFileSync(0, "utf8"));

for (const [folder, it] of Object.entries(lock.packages)) {
  if (folder && !it.resolved) {
    // An alias has the name of its folder, and its own.
    const name = it.name ?? folder.split("node_modules/").pop();
    it.resolved = `${registry}${name}/-/${name.split("/").pop()}-${it.version}.tgz`;
  }
}
process.stdout.write(JSON.stringify(lock, null, 2));
