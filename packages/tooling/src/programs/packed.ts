import { join } from "node:path"
import { compile, install, load } from "../consumer.ts"
import { isPublished, readPackages, repository } from "../packages.ts"
import { pack, readUnpacked, withTemporaryFolder } from "../packing.ts"
import { report } from "../report.ts"
import { checkTarball, publicModules } from "../tarballs.ts"

const published = readPackages(repository).filter(isPublished)

report(
  "packed packages",
  await withTemporaryFolder((folder) => {
    install(folder, published.map((pkg) => pack(pkg, folder)))
    const unpacked = published.map(({ manifest }) => readUnpacked(join(folder, "node_modules", manifest.name)))
    const modules = unpacked.flatMap(publicModules)
    return [...unpacked.flatMap(checkTarball), ...compile(folder, modules), ...load(folder, modules)]
  })
)
