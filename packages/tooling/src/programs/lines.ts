import { countLines, lineTable } from "../lines.ts"
import { isPublished, readPackages, repository } from "../packages.ts"

console.log(lineTable(readPackages(repository).filter(isPublished).map(countLines)))
