import { checkLengths } from "../lengths.ts"
import { isPublished, readPackages, repository } from "../packages.ts"
import { report } from "../report.ts"

report("lengths", checkLengths(readPackages(repository).filter(isPublished)))
