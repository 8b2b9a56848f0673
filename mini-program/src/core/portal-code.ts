/** The code of the web portal, as a person reads it off the phone. */

/** `1234 5678 9012`. */
export function grouped(code: string): string {
  return code.replace(/(\d{4})(?=\d)/g, '$1 ')
}
