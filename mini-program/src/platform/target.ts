/**
 * What differs between the places where the client runs. Each `target.<name>.ts` implements it;
 * vite.config.ts chooses one, and nothing else in the source asks which it is.
 */
import type { Pay } from '@/core/api/orders'
import type { Result } from '@/core/result'
import type { HostApp } from './apps'
import type { Address } from './navigation'

export interface Target {
  /** The apps that a person can sign in with and pay in here; inside an app, that app alone. */
  readonly apps: readonly [HostApp, ...HostApp[]]
  /** The mini-program's app id, which its login codes are for; none where a page gives them. */
  appId(): string | null
  /** Without a final slash; empty where the client comes from the server itself. */
  readonly apiBaseUrl: string
  readonly signIn: InAppSignIn | PageSignIn
  readonly payment: InAppPayment | PagePayment
  /**
   * Asks the person about messages by these templates, at most three at a time. It must begin in
   * a tap and settles in bounded time; what is answered stays with the host app. Null where
   * nothing asks.
   */
  readonly askForMessages: ((templateIds: readonly string[]) => Promise<void>) | null
  /**
   * What the server takes for a phone number, from what the host app's button told; null if the
   * person did not agree. Null where there is no such button.
   */
  readonly phoneProof: ((detail: unknown) => string | null) | null
  /** Whether people may sign in with their school's number and password, to read only. */
  readonly hasPortal: boolean
  /** Hands a text to the person: as a file where there are files, else on the clipboard. */
  keepText(fileName: string, text: string): Promise<Kept>
  /** Makes the screen good to scan: bright, awake, and not in screenshots, where that can be. */
  showScreen(): void
  /** Gives the screen back as it was. */
  restoreScreen(): void
  /** How much larger than standard the person has set texts in the host app, where it says. */
  textScale(): number
  /** Runs once, before the application is made. */
  start(): void
}

export type Kept = 'saved' | 'copied' | 'failed'

/** The host app gives a login code without leaving the client. */
export interface InAppSignIn {
  readonly kind: 'in_app'
  requestCode(): Promise<Result<string, 'refused' | 'timed_out'>>
}

/** Another page gives the login code, and comes back with it. */
export interface PageSignIn {
  readonly kind: 'by_page'
  /** Settles only when the page was not left after all. */
  leave(page: AppPage, returnTo: Address): Promise<void>
  /** The code that the last visit brought, once. */
  takeCode(): BroughtCode | null
}

export interface BroughtCode {
  /** The app whose page gave it. */
  readonly app: HostApp
  readonly code: string
}

/** A page that stands in for an app in a browser. */
export interface AppPage {
  readonly app: HostApp
  readonly url: string
  /** The mini-program that it is asked for. */
  readonly appId: string
}

/**
 * The host app's payment dialogue. What it answers is not told: it can be wrong, and only the
 * server knows. It settles in bounded time also when the app never answers.
 */
export interface InAppPayment {
  readonly kind: 'in_app'
  show(pay: Pay): Promise<void>
}

export interface PagePayment {
  readonly kind: 'by_page'
  /** Settles only when the page was not left after all. */
  leave(cashier: AppPage, pay: Pay, returnTo: Address): Promise<void>
}
