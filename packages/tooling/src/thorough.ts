/**
 * Whether the tests that take long do all of their work, as `.ci/run` wants it by `THOROUGH=true`. Otherwise they do the
 * part of it that finds nearly every fault within some seconds.
 */
export const isThorough: boolean = process.env["THOROUGH"] === "true"
