import { checkImports } from "../imports.ts"
import { readPackages, repository } from "../packages.ts"
import { report } from "../report.ts"

report("imports", checkImports(readPackages(repository)))
