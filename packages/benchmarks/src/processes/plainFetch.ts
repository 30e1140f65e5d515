/**
 * The call alone, with a header set by hand and Node's `fetch`.
 */
import { expectOk, resource, token } from "./given.ts"

const response = await fetch(resource, { headers: { authorization: `Bearer ${token}` } })
await response.text()
expectOk(response.status)
