/** The zone at the end of a date, as HTTP (RFC 9110 §5.6.7) and ISO 8601 write it. */
const zone = /(?:\b(?:GMT|UTC)|Z|[+-]\d\d:?\d\d)$/i

/**
 * The date in a header field, in milliseconds since the epoch; `NaN` if the text is none. All HTTP dates are in UTC, also
 * those of the form `asctime-date` (RFC 9110 §5.6.7), which has no zone and which the platform reads as local time.
 *
 * @internal
 */
export const parse = (text: string): number => {
  const date = text.trim()
  if (zone.test(date)) return Date.parse(date)
  return Date.parse(/^\d+-\d+-\d+T/i.test(date) ? `${date}Z` : `${date} GMT`)
}
