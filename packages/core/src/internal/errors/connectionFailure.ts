import { errorChain, messageOf } from "./errorChain.ts"

/**
 * Why a connection failed, as the transport's error says.
 *
 * @internal
 */
export interface ConnectionFailure {
  /** The code and its meaning, as a part of a sentence; empty if the error has nothing that is known. */
  readonly description: string
  /** Advice, as sentences. */
  readonly advice: string | undefined
  /** Whether waiting cannot help: a certificate, an address or a setting must be corrected first. */
  readonly isLasting: boolean
}

/** A reason for which connections fail, and how transports write it. */
interface Fault {
  /** The codes of Node.js (system calls, DNS, TLS, undici and its parser) and of Bun, separated by spaces. */
  readonly codes: string
  readonly meaning: string
  readonly advice: string
  /**
   * The advice about an `http:` address.
   *
   * @default `advice`
   */
  readonly adviceOverHttp?: string
  /**
   * Whether waiting cannot help. `"http"`: only a request over plain http shows by this fault that its address is wrong.
   *
   * @default false
   */
  readonly lasts?: true | "http"
  /**
   * The message of transports whose errors have no code: Deno, workerd, and some errors of undici. The group is what is
   * shown in place of a code.
   */
  readonly message?: RegExp
}

const PROXY = "Where a proxy is required, set `NODE_USE_ENV_PROXY=1` (Node.js), or give `fetch` a dispatcher."
const TRUST = "To trust its authority, name a PEM file in `NODE_EXTRA_CA_CERTS` (Node.js, Bun) or `DENO_CERT` (Deno)."

const noHandshake: Fault = {
  codes: "EPROTO ERR_SSL_UNSUPPORTED_PROTOCOL ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION " +
    "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
  message: /received fatal alert: (ProtocolVersion|HandshakeFailure)/,
  meaning: "the TLS handshake failed",
  advice: "Check that the server speaks TLS 1.2 or later at this port, and whether it requires a client certificate.",
  lasts: true
}
const brokenHttp: Fault = {
  codes: "UND_ERR_HEADERS_OVERFLOW",
  meaning: "the answer breaks the rules of HTTP",
  advice: "Check what answers at this address: a proxy, a gateway, or a server of another kind."
}

/** All reasons. Functions, since bundlers leave unused ones out of programs that open no connection. */
const faults = (): ReadonlyArray<
  Fault
> => [noHandshake, brokenHttp, ...networkFaults(), ...tlsFaults(), ...httpFaults()]

const networkFaults = (): ReadonlyArray<Fault> => [
  {
    codes: "ENOTFOUND ENODATA EAI_NONAME EAI_NODATA",
    message: /dns error: (failed to lookup address information)/,
    meaning: "the host name has no address",
    advice: `Check the spelling of the host name, and the DNS of this machine. ${PROXY}`
  },
  {
    codes: "EAI_AGAIN EAI_FAIL ESERVFAIL ETIMEOUT",
    meaning: "the DNS did not answer",
    advice: "Try again later. If the failure stays, check the DNS of this machine or container."
  },
  {
    codes: "ECONNREFUSED ConnectionRefused FailedToOpenSocket",
    message: /(Connection refused)/,
    meaning: "nothing accepts connections at this host and port",
    advice: "Check the port, and that the server is running."
  },
  {
    codes: "ECONNRESET ECONNABORTED EPIPE UND_ERR_SOCKET ConnectionClosed",
    message: /(Connection reset by peer|connection closed before message completed|Network connection lost)/,
    meaning: "the other side closed the connection",
    advice: "Try again later.",
    adviceOverHttp: "Check whether the server expects https at this port. If it does not, try again later."
  },
  {
    codes: "EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN EADDRNOTAVAIL",
    message: /(No route to host|Network is unreachable)/,
    meaning: "this machine has no route to the host",
    advice: `Check the network, the VPN and the firewall. ${PROXY}`
  },
  {
    codes: "ETIMEDOUT UND_ERR_CONNECT_TIMEOUT",
    meaning: "the host did not accept the connection in time",
    advice: `Check the host name and the port, and whether a firewall stands between. ${PROXY}`
  },
  {
    codes: "UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT",
    meaning: "the server accepted the connection and did not answer in time",
    advice: "Try again later, and check the server's own log if the failure stays."
  },
  {
    codes: "",
    message: /(Proxy response \(\d{3}\))/,
    meaning: "the proxy did not open a connection to the host",
    advice: "Check the address of the proxy, its credentials, and the hosts that it permits."
  }
]

const tlsFaults = (): ReadonlyArray<Fault> => [
  {
    codes: "CERT_HAS_EXPIRED",
    message: /invalid peer certificate: (Expired)/,
    meaning: "the server's certificate has expired",
    advice: "Ask the server's operator to renew the certificate, and check the clock of this machine.",
    lasts: true
  },
  {
    codes: "CERT_NOT_YET_VALID",
    message: /invalid peer certificate: (NotValidYet)/,
    meaning: "the server's certificate is not valid yet",
    advice: "Check the clock of this machine, and ask the server's operator for the certificate's dates.",
    lasts: true
  },
  {
    codes: "CERT_REVOKED",
    message: /invalid peer certificate: (Revoked)/,
    meaning: "the server's certificate was revoked",
    advice: "Ask the server's operator for another certificate.",
    lasts: true
  },
  {
    codes: "DEPTH_ZERO_SELF_SIGNED_CERT",
    message: /(CaUsedAsEndEntity)/,
    meaning: "the server's certificate is self-signed",
    advice: TRUST.replace("its authority", "the certificate"),
    lasts: true
  },
  {
    codes: "SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_GET_ISSUER_CERT_LOCALLY CERT_UNTRUSTED INVALID_CA",
    meaning: "the server's certificate comes from an authority that this process does not trust",
    advice: `${TRUST} A company's proxy that reads TLS has an authority of its own.`,
    lasts: true
  },
  {
    codes: "UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT",
    message: /invalid peer certificate: (UnknownIssuer)/,
    meaning: "the server's certificate chain is incomplete, or its authority is not trusted",
    advice: `Ask the server's operator to send the intermediate certificates. ${TRUST}`,
    lasts: true
  },
  {
    codes: "ERR_TLS_CERT_ALTNAME_INVALID HOSTNAME_MISMATCH",
    message: /invalid peer certificate: (NotValidForName)|(certificate not valid for name)/,
    meaning: "the server's certificate is for another host name",
    advice: "Use a host name that stands in the certificate, or ask the server's operator for one that has this name.",
    lasts: true
  },
  {
    codes: "ERR_SSL_WRONG_VERSION_NUMBER ERR_SSL_PACKET_LENGTH_TOO_LONG ERR_SSL_HTTP_REQUEST",
    message: /received corrupt message of type (InvalidContentType)/,
    meaning: "the server does not speak TLS at this port",
    advice:
      "Check the port. Plain http is for loopback hosts and the hosts in `insecureHosts`, with an `http:` address.",
    lasts: true
  },
  {
    codes: "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    message: /received fatal alert: (CertificateRequired)/,
    meaning: "the server requires a client certificate",
    advice: "Give `fetch` a dispatcher that has one, by `FetchHttpClient.RequestInit`.",
    lasts: true
  }
]

const httpFaults = (): ReadonlyArray<Fault> => [
  {
    codes: "HPE_INVALID_CONSTANT HPE_INVALID_VERSION Malformed_HTTP_Response",
    message: /(invalid HTTP version parsed)/,
    meaning: "the answer is not HTTP",
    advice: "Check the port.",
    adviceOverHttp: "Check the port, and whether the server expects https there.",
    lasts: "http"
  },
  {
    codes: "",
    message: /^(bad port)$|(Requests to port \d{1,5} are blocked)/,
    meaning: "`fetch` sends nothing to this port, which belongs to another protocol",
    advice: "Serve the address at another port.",
    lasts: true
  },
  {
    codes: "",
    message: /^(internal error); reference = /,
    meaning: "the platform gives the reason only in its own log",
    advice: "Look there, on Cloudflare Workers with `wrangler tail`."
  }
]

const faultOf = (code: string): Fault | undefined => {
  const known = faults().find(({ codes }) => codes.split(" ").includes(code))
  if (known !== undefined) return known
  // A code that is not listed has the meaning and the advice that all codes with its beginning share.
  if (code.startsWith("HPE_")) return brokenHttp
  // Some alerts pass, such as that of a server which is about to get its certificate.
  const { advice, codes, meaning } = noHandshake
  return code.startsWith("ERR_SSL_") ? { advice, codes, meaning } : undefined
}

/** A code as Node.js, undici and Bun write them. Anything else may be text of another kind. */
const codeOf = (error: object): string | undefined =>
  "code" in error && typeof error.code === "string" && /^[A-Za-z][\w/]{2,63}$/.test(error.code) ? error.code : undefined

const shown = (code: string, fault: Fault, isPlainHttp: boolean): ConnectionFailure => ({
  description: `${code}: ${fault.meaning}`,
  advice: isPlainHttp ? fault.adviceOverHttp ?? fault.advice : fault.advice,
  isLasting: fault.lasts === "http" ? isPlainHttp : fault.lasts === true
})

/**
 * Why a connection failed: the known code or message in the chain of causes that is nearest to the outside, or else the
 * first code that is not known.
 *
 * @param isPlainHttp whether the request was for an `http:` address
 *
 * @internal
 */
export const connectionFailure = (error: unknown, isPlainHttp: boolean): ConnectionFailure => {
  const chain = errorChain(error)
  for (const one of chain) {
    const code = codeOf(one)
    const fault = code === undefined ? undefined : faultOf(code)
    if (code !== undefined && fault !== undefined) return shown(code, fault, isPlainHttp)
    const message = messageOf(one)
    for (const fault of faults()) {
      const match = fault.message?.exec(message)
      if (match) return shown(match[1] ?? match[2] ?? "", fault, isPlainHttp)
    }
  }
  const code = chain.map(codeOf).find((code) => code !== undefined)
  return { description: code ?? "", advice: undefined, isLasting: false }
}
