/** Runs once, before the test files: says that the tests on Redis are skipped, if they are. */
import { isInstalled } from "./redisProgram.ts"

export default (): void => {
  if (isInstalled) return
  process.stderr.write("The tests on Redis are skipped: no redis-server is installed (apt-get install redis-server).\n")
}
