import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { ERROR_PAGE, readErrorTexts, renderErrorPage } from "../errorPage.ts"
import { repository } from "../packages.ts"

const file = join(repository, ERROR_PAGE)
writeFileSync(file, renderErrorPage(readFileSync(file, "utf8"), readErrorTexts(repository).texts))
