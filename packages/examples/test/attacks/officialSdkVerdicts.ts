/**
 * The attacks that the official SDK does not withstand, as found with `@modelcontextprotocol/sdk` 1.32 (line 1) and
 * `@modelcontextprotocol/client` 2.4 (line 2), and what the client did. The client is `ClientCredentialsProvider` in
 * `withOAuth`, with `expectedIssuer` where the case pins the issuer.
 */

/** The verdict on the client, by the name of the case. */
export type Verdicts = Readonly<Record<string, string>>

/** Both lines. */
export const both: Verdicts = {
  // internal addresses
  "an internal address is the target of a redirect from its metadata":
    "the client secret was sent to https://mcp.example.com/token.",
  "an internal address is the token endpoint": "the client secret was sent to https://10.0.0.1/token.",
  // metadata of the MCP server
  "metadata whose resource is the server with another query names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the whole host of a server that has a path names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is another host as a user name of the server names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server with a fragment names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server with an empty fragment names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server with a line break in its path names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server behind a NUL character names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server with backslashes names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server without slashes names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server behind dot segments names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is the server behind encoded dot segments names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose resource is a list with the server names a hostile authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  "metadata whose resource is nothing names a hostile authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  "metadata whose resource is null names a hostile authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  "a redirect leads from the metadata to a document of another origin":
    "the client secret was sent to https://mcp.example.com/token.",
  "a redirect leads from the metadata to plain http": "the client secret was sent to https://mcp.example.com/token.",
  "a neighbour's metadata at the root of the host is about the whole host, while the server's own is unavailable":
    "the client secret was sent to https://mcp.example.com/token.",
  "metadata with 401 names a hostile authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  "metadata with 500 names a hostile authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  "a server without metadata poses as its own authorization server":
    "the client secret was sent to https://mcp.example.com/token.",
  // metadata of the authorization server
  "metadata has a token endpoint that has a fragment": "a token request was sent to https://auth.example.com/token.",
  "the metadata of the authorization server is not found, and /token would be a guess":
    "a token request was sent to https://auth.example.com/token.",
  "the metadata of the authorization server has a status of 403":
    "a token request was sent to https://auth.example.com/token.",
  "the metadata of the authorization server is behind a redirect to another origin":
    "a token request was sent to https://auth.example.com/token.",
  "the metadata of the authorization server is behind a redirect to plain http":
    "a token request was sent to https://auth.example.com/token.",
  "the metadata of the authorization server is behind a redirect with a user name":
    "a token request was sent to https://auth.example.com/token.",
  // challenges
  "the server repeats a metadata address of an attacker in the error description":
    "the client secret was sent to https://mcp.example.com/token.",
  "the server repeats a metadata address of an attacker in an unquoted text in the error description":
    "the client secret was sent to https://mcp.example.com/token.",
  "the server repeats a metadata address of an attacker in escaped quotes in the realm":
    "the client secret was sent to https://mcp.example.com/token.",
  "the server repeats a metadata address of an attacker in the realm of another scheme":
    "the client secret was sent to https://mcp.example.com/token.",
  "the server repeats a metadata address of an attacker in a parameter whose name ends alike":
    "the client secret was sent to https://evil.example/token.",
  "the server repeats a metadata address of an attacker in a parameter whose name begins alike":
    "the client secret was sent to https://mcp.example.com/token.",
  "a challenge names a metadata address that is no URL": "the client secret was sent to https://mcp.example.com/token.",
  "a thousand challenges name a metadata address each": "the client secret was sent to https://mcp.example.com/token.",
  // mix-up
  "the list of authorization servers has an entry with a tab inside of its host":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with the scheme javascript":
    "the client secret was sent to https://mcp.example.com/token.",
  "the list of authorization servers has an entry with the scheme data":
    "the client secret was sent to https://mcp.example.com/token.",
  "the list of authorization servers has an entry with an object in place of a text":
    "the client secret was sent to https://mcp.example.com/token.",
  "the list of authorization servers has an entry with a list in place of a text":
    "the client secret was sent to https://mcp.example.com/token.",
  "the MCP server names a hostile authorization server before the client's own":
    "no request with a token was answered with 200.",
  // token endpoint
  "the token that a 200 delivers has the type mac": "the answer was used as a token at https://mcp.example.com/mcp.",
  "the token that a 200 delivers has the type DPoP, for which the client has no key":
    "the answer was used as a token at https://mcp.example.com/mcp.",
  "the token that a 200 delivers has the type N_A of a token exchange":
    "the answer was used as a token at https://mcp.example.com/mcp.",
  "the token that a 200 delivers is empty": "the answer was used as a token at https://mcp.example.com/mcp.",
  "the token that a 200 delivers has spaces": "the answer was used as a token at https://mcp.example.com/mcp.",
  "the token that a 200 delivers comes with an error": "the answer was used as a token at https://mcp.example.com/mcp.",
  // requests with a token
  "the client is asked to send a message to a URL that begins with the server's host":
    "an access token was sent to https://mcp.example.com.evil.example/mcp.",
  "the client is asked to send a message to a URL with the server in its path":
    "an access token was sent to https://evil.example/https://mcp.example.com/mcp.",
  "the client is asked to send a message to a URL with the server in its query":
    "an access token was sent to https://evil.example/.",
  "the client is asked to send a message to a URL with the server in its fragment":
    "an access token was sent to https://evil.example/.",
  "the client is asked to send a message to a URL with a backslash before the server":
    "an access token was sent to https://evil.example/@mcp.example.com/mcp.",
  "the client is asked to send a message to a URL by plain http":
    "an access token was sent to http://mcp.example.com/mcp.",
  "the client is asked to send a message to a URL with another port":
    "an access token was sent to https://mcp.example.com:8443/mcp.",
  "the client is asked to send a message to a URL with a dot at the end of its host":
    "an access token was sent to https://mcp.example.com./mcp.",
  "the client is asked to send a message to a URL with a host below the server's":
    "an access token was sent to https://a.mcp.example.com/mcp.",
  "the client is asked to send a message to a URL with the host above the server's":
    "an access token was sent to https://example.com/mcp.",
  "the client is asked to send a message to a URL with a look-alike letter":
    "an access token was sent to https://mcp.xn--exmple-4nf.com/mcp.",
  "the client is asked to send a message to a URL with a hyphen in place of a dot":
    "an access token was sent to https://mcp-example.com/mcp.",
  "the client is asked to send a message to a URL with the server's name cut":
    "an access token was sent to https://cp.example.com/mcp.",
  // availability
  "the metadata of the MCP server never answers": "a call did not end within 10m.",
  "the metadata of the MCP server answers after an hour": "a call did not end within 10m.",
  "the metadata of the MCP server answers with 16 MiB":
    "16777216 bytes were read from https://mcp.example.com/.well-known/oauth-protected-resource/mcp, and 4194304 are allowed.",
  "the metadata of the MCP server answers with 503 for ever":
    "the client secret was sent to https://mcp.example.com/token.",
  "the metadata of the MCP server asks for another attempt at once, for ever":
    "the client secret was sent to https://mcp.example.com/token.",
  "the metadata of the MCP server asks for another attempt in a year":
    "the client secret was sent to https://mcp.example.com/token.",
  "the metadata of the MCP server asks for another attempt in the past":
    "the client secret was sent to https://mcp.example.com/token.",
  "the metadata of the authorization server never answers": "a call did not end within 10m.",
  "the metadata of the authorization server answers after an hour": "a call did not end within 10m.",
  "the metadata of the authorization server answers with 16 MiB":
    "16777216 bytes were read from https://auth.example.com/.well-known/oauth-authorization-server, and 4194304 are allowed.",
  "the token endpoint never answers": "a call did not end within 10m.",
  "the token endpoint answers after an hour": "a call did not end within 10m.",
  "the token endpoint answers with 16 MiB":
    "16777216 bytes were read from https://auth.example.com/token, and 4194304 are allowed.",
  "the body of the authorization server's metadata stops after its first byte": "a call did not end within 10m.",
  "the metadata of the MCP server redirects within its origin without end":
    "the client secret was sent to https://mcp.example.com/token.",
  "the metadata of the MCP server is JSON of a hundred thousand levels":
    "the client secret was sent to https://mcp.example.com/token."
}

/** Line 1 alone. */
export const line1: Verdicts = {
  // internal addresses
  "the MCP server names the metadata service of a cloud as its authorization server: https://169.254.169.254":
    "the client secret was sent to https://169.254.169.254/token.",
  "the MCP server names the metadata service of a cloud by plain http as its authorization server: http://169.254.169.254":
    "the client secret was sent to http://169.254.169.254/token.",
  "the MCP server names a metadata service by its name as its authorization server: https://metadata.google.internal":
    "the client secret was sent to https://metadata.google.internal/token.",
  "the MCP server names a private address of 10.0.0.0/8 as its authorization server: https://10.0.0.1":
    "the client secret was sent to https://10.0.0.1/token.",
  "the MCP server names a private address of 172.16.0.0/12 as its authorization server: https://172.31.255.254":
    "the client secret was sent to https://172.31.255.254/token.",
  "the MCP server names a private address of 192.168.0.0/16 as its authorization server: https://192.168.1.1":
    "the client secret was sent to https://192.168.1.1/token.",
  "the MCP server names an address of carrier-grade NAT as its authorization server: https://100.64.0.1":
    "the client secret was sent to https://100.64.0.1/token.",
  "the MCP server names a loopback address as its authorization server: https://127.0.0.1:8443":
    "the client secret was sent to https://127.0.0.1:8443/token.",
  "the MCP server names a loopback address by plain http as its authorization server: http://127.0.0.1:8080":
    "the client secret was sent to http://127.0.0.1:8080/token.",
  "the MCP server names a loopback address in short form as its authorization server: https://127.1":
    "the client secret was sent to https://127.0.0.1/token.",
  "the MCP server names a loopback address as one decimal number as its authorization server: https://2130706433":
    "the client secret was sent to https://127.0.0.1/token.",
  "the MCP server names a loopback address in hexadecimal as its authorization server: https://0x7f000001":
    "the client secret was sent to https://127.0.0.1/token.",
  "the MCP server names a loopback address in octal as its authorization server: https://0177.0.0.1":
    "the client secret was sent to https://127.0.0.1/token.",
  "the MCP server names a loopback address in full-width digits as its authorization server: https://１２７.0.0.1":
    "the client secret was sent to https://127.0.0.1/token.",
  "the MCP server names the name localhost as its authorization server: http://localhost:8080":
    "the client secret was sent to http://localhost:8080/token.",
  "the MCP server names the name localhost with a dot at its end as its authorization server: https://localhost.":
    "the client secret was sent to https://localhost./token.",
  "the MCP server names a name below localhost as its authorization server: https://admin.localhost":
    "the client secret was sent to https://admin.localhost/token.",
  "the MCP server names the unspecified address as its authorization server: https://0.0.0.0":
    "the client secret was sent to https://0.0.0.0/token.",
  "the MCP server names the unspecified address of IPv6 as its authorization server: https://[::]":
    "the client secret was sent to https://[::]/token.",
  "the MCP server names the loopback address of IPv6 as its authorization server: https://[::1]":
    "the client secret was sent to https://[::1]/token.",
  "the MCP server names an IPv4 address mapped into IPv6 as its authorization server: https://[::ffff:169.254.169.254]":
    "the client secret was sent to https://[::ffff:a9fe:a9fe]/token.",
  "the MCP server names an IPv4 address compatible with IPv6 as its authorization server: https://[::127.0.0.1]":
    "the client secret was sent to https://[::7f00:1]/token.",
  "the MCP server names an IPv4 address translated into IPv6 as its authorization server: https://[64:ff9b::169.254.169.254]":
    "the client secret was sent to https://[64:ff9b::a9fe:a9fe]/token.",
  "the MCP server names an IPv4 address in 6to4 as its authorization server: https://[2002:a00:1::]":
    "the client secret was sent to https://[2002:a00:1::]/token.",
  "the MCP server names a link-local address of IPv6 as its authorization server: https://[fe80::1]":
    "the client secret was sent to https://[fe80::1]/token.",
  "the MCP server names a unique local address of IPv6 as its authorization server: https://[fd00::1]":
    "the client secret was sent to https://[fd00::1]/token.",
  "the MCP server names a name of a Kubernetes service as its authorization server: https://vault.default.svc":
    "the client secret was sent to https://vault.default.svc/token.",
  "the MCP server names a name without a dot as its authorization server: https://intranet":
    "the client secret was sent to https://intranet/token.",
  "an internal address is the address of its own metadata":
    "the client secret was sent to https://mcp.example.com/token.",
  // metadata of the MCP server
  "metadata names a thousand authorization servers, each of which would be asked":
    "the client secret was sent to https://a0.evil.example/token.",
  // metadata of the authorization server
  "metadata whose issuer is another issuer names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is a tenant below the issuer names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer in another case names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with its default port names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a slash at its end names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with two slashes at its end names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a query names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a fragment names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a dot at the end of its host names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a look-alike letter names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a line break names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer with a space before it names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata whose issuer is the issuer by plain http names a hostile token endpoint":
    "the client secret was sent to https://evil.example/token.",
  "metadata has a token endpoint that has plain http": "the client secret was sent to http://auth.example.com/token.",
  "metadata has a token endpoint that has the scheme file": "the client secret was sent to file:///etc/passwd.",
  "metadata has a token endpoint that has the scheme ftp":
    "the client secret was sent to ftp://auth.example.com/token.",
  "metadata has a token endpoint that has the scheme wss":
    "the client secret was sent to wss://auth.example.com/token.",
  // challenges
  "a challenge names a metadata address by plain http": "the client secret was sent to https://mcp.example.com/token.",
  "a challenge names a metadata address with the scheme file":
    "the client secret was sent to https://mcp.example.com/token.",
  "a challenge names a metadata address with the scheme javascript":
    "the client secret was sent to https://mcp.example.com/token.",
  "a challenge names a metadata address with the server as a user name":
    "the client secret was sent to https://mcp.example.com/token.",
  // mix-up
  "the list of authorization servers has an entry with the issuer as user name of another host":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with a user name and a password":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with a query":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with a fragment":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with plain http":
    "the client secret was sent to http://evil.example/token.",
  "the list of authorization servers has an entry with a line break":
    "the client secret was sent to https://evil.example/token.",
  "the list of authorization servers has an entry with an escape sequence":
    "the client secret was sent to https://evil.example/token.",
  "a hostile authorization server says that it is the client's own":
    "the client secret was sent to https://impostor.example/token.",
  // binding to an authorization server
  "after the first token the metadata of the authorization server has another issuer and endpoint":
    "the client secret was sent to https://evil.example/token.",
  // availability
  "the metadata of the MCP server breaks every connection":
    "the client secret was sent to https://mcp.example.com/token."
}

/** Line 2 alone. */
export const line2: Verdicts = {
  // internal addresses
  "the MCP server names the metadata service of a cloud as its authorization server: https://169.254.169.254":
    "a request was sent to https://169.254.169.254/.well-known/oauth-authorization-server.",
  "the MCP server names the metadata service of a cloud by plain http as its authorization server: http://169.254.169.254":
    "a request was sent to http://169.254.169.254/.well-known/oauth-authorization-server.",
  "the MCP server names a metadata service by its name as its authorization server: https://metadata.google.internal":
    "a request was sent to https://metadata.google.internal/.well-known/oauth-authorization-server.",
  "the MCP server names a private address of 10.0.0.0/8 as its authorization server: https://10.0.0.1":
    "a request was sent to https://10.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a private address of 172.16.0.0/12 as its authorization server: https://172.31.255.254":
    "a request was sent to https://172.31.255.254/.well-known/oauth-authorization-server.",
  "the MCP server names a private address of 192.168.0.0/16 as its authorization server: https://192.168.1.1":
    "a request was sent to https://192.168.1.1/.well-known/oauth-authorization-server.",
  "the MCP server names an address of carrier-grade NAT as its authorization server: https://100.64.0.1":
    "a request was sent to https://100.64.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address as its authorization server: https://127.0.0.1:8443":
    "a request was sent to https://127.0.0.1:8443/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address by plain http as its authorization server: http://127.0.0.1:8080":
    "a request was sent to http://127.0.0.1:8080/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address in short form as its authorization server: https://127.1":
    "a request was sent to https://127.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address as one decimal number as its authorization server: https://2130706433":
    "a request was sent to https://127.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address in hexadecimal as its authorization server: https://0x7f000001":
    "a request was sent to https://127.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address in octal as its authorization server: https://0177.0.0.1":
    "a request was sent to https://127.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names a loopback address in full-width digits as its authorization server: https://１２７.0.0.1":
    "a request was sent to https://127.0.0.1/.well-known/oauth-authorization-server.",
  "the MCP server names the name localhost as its authorization server: http://localhost:8080":
    "a request was sent to http://localhost:8080/.well-known/oauth-authorization-server.",
  "the MCP server names the name localhost with a dot at its end as its authorization server: https://localhost.":
    "a request was sent to https://localhost./.well-known/oauth-authorization-server.",
  "the MCP server names a name below localhost as its authorization server: https://admin.localhost":
    "a request was sent to https://admin.localhost/.well-known/oauth-authorization-server.",
  "the MCP server names the unspecified address as its authorization server: https://0.0.0.0":
    "a request was sent to https://0.0.0.0/.well-known/oauth-authorization-server.",
  "the MCP server names the unspecified address of IPv6 as its authorization server: https://[::]":
    "a request was sent to https://[::]/.well-known/oauth-authorization-server.",
  "the MCP server names the loopback address of IPv6 as its authorization server: https://[::1]":
    "a request was sent to https://[::1]/.well-known/oauth-authorization-server.",
  "the MCP server names an IPv4 address mapped into IPv6 as its authorization server: https://[::ffff:169.254.169.254]":
    "a request was sent to https://[::ffff:a9fe:a9fe]/.well-known/oauth-authorization-server.",
  "the MCP server names an IPv4 address compatible with IPv6 as its authorization server: https://[::127.0.0.1]":
    "a request was sent to https://[::7f00:1]/.well-known/oauth-authorization-server.",
  "the MCP server names an IPv4 address translated into IPv6 as its authorization server: https://[64:ff9b::169.254.169.254]":
    "a request was sent to https://[64:ff9b::a9fe:a9fe]/.well-known/oauth-authorization-server.",
  "the MCP server names an IPv4 address in 6to4 as its authorization server: https://[2002:a00:1::]":
    "a request was sent to https://[2002:a00:1::]/.well-known/oauth-authorization-server.",
  "the MCP server names a link-local address of IPv6 as its authorization server: https://[fe80::1]":
    "a request was sent to https://[fe80::1]/.well-known/oauth-authorization-server.",
  "the MCP server names a unique local address of IPv6 as its authorization server: https://[fd00::1]":
    "a request was sent to https://[fd00::1]/.well-known/oauth-authorization-server.",
  "the MCP server names a name of a Kubernetes service as its authorization server: https://vault.default.svc":
    "a request was sent to https://vault.default.svc/.well-known/oauth-authorization-server.",
  "the MCP server names a name without a dot as its authorization server: https://intranet":
    "a request was sent to https://intranet/.well-known/oauth-authorization-server.",
  "an internal address is the address of its own metadata":
    "a request was sent to https://169.254.169.254/latest/meta-data.",
  // challenges
  "a challenge names a metadata address by plain http": "a request was sent to http://mcp.example.com/resource.",
  "a challenge names a metadata address with the scheme file": "a request was sent to file:///etc/passwd.",
  "a challenge names a metadata address with the scheme javascript": "a request was sent to javascript:alert(1).",
  "a 401 demands a scope beyond those that the client is configured with":
    "a token was requested with the scope \"admin\".",
  "a challenge demands scopes with characters that no scope has":
    "a token was requested with a scope of other characters.",
  // mix-up
  "the list of authorization servers has an entry with the issuer as user name of another host":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server.",
  "the list of authorization servers has an entry with a user name and a password":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server.",
  "the list of authorization servers has an entry with a query":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server.",
  "the list of authorization servers has an entry with a fragment":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server.",
  "the list of authorization servers has an entry with plain http":
    "a request was sent to http://evil.example/.well-known/oauth-authorization-server.",
  "the list of authorization servers has an entry with a line break":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server/level=INFO.",
  "the list of authorization servers has an entry with an escape sequence":
    "a request was sent to https://evil.example/.well-known/oauth-authorization-server/%1B[2J.",
  // binding to an authorization server
  "after the first token the metadata names a hostile authorization server, and the token is rejected":
    "the client secret was sent to https://evil.example/token.",
  "after the first token the metadata names a hostile authorization server, and the token expires":
    "the client secret was sent to https://evil.example/token.",
  "after three days without a call the metadata names a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "after the first token a hostile authorization server stands before the first one in the list":
    "the client secret was sent to https://evil.example/token.",
  "after the first token a challenge names metadata elsewhere, with a hostile authorization server":
    "the client secret was sent to https://evil.example/token.",
  "after the first token the authorization server disappears, and the metadata names a hostile one":
    "the client secret was sent to https://evil.example/token."
}
