/**
 * Queries that a program changes if it takes them apart and encodes them again: empty values and names, repeated names,
 * colons, slashes, plus signs, percent-encoding in any case, and separators of other kinds.
 */
export const queries: ReadonlyArray<string> = [
  "?p=B2C_1_policy",
  "?a",
  "?a=",
  "?a=&b=",
  "?=x",
  "?&&a&",
  "?a=1&a=2&a=1",
  "?api-version=2024:01:02",
  "?q=a+b",
  "?q=a%20b",
  "?q=a%2Bb",
  "?q=%c3%bc",
  "?q=%C3%BC",
  "?q=100%",
  "?q=%zz",
  "?next=https://x.example/?y=z",
  "?a=b=c",
  "?a;b=c",
  "?$filter=(a)*!~",
  "?a,b@c",
  "?a[]=1&{b}=|",
  "?a=/../b"
]
