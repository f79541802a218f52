/// <reference no-default-lib="true" />
/// <reference lib="es2020" />

// Types of connector hooks. Generated from runtime/script; do not edit.
//
// A hook begins with
//
//     /// <reference path="../hook.d.ts" />
//     // @ts-check
//
// and declares the functions it needs, each with a JSDoc type:
//
//     /** @type {NextFunction} */

/** What an answer is. */
declare type Class = "ok" | "end" | "skip" | "retry" | "rate_limited" | "token_expired" | "session_expired" | "unauthorized" | "failed";

/** Headers, looked up whatever their case. */
declare interface HookHeaders { readonly [name: string]: string | undefined }

/** An answer. Values are read-only; change a copy: `{...value}`. */
declare interface Page {
  /** HTTP status. */
  readonly status: number;
  /** Looked up whatever their case; several lines of one name are joined by ", ". */
  readonly headers: HookHeaders;
  /** The answer's JSON, read where it is touched; null when it is none. */
  readonly body: any;
  /** The answer as text. */
  readonly text: string;
  /** The URLs of the Link headers by rel; `link.next.results` is an attribute of that link. */
  readonly link: { readonly [rel: string]: any };
  /** The request that was answered. */
  readonly request: { readonly method: string; readonly url: string; readonly query: { readonly [name: string]: any } };
  /** The page's records as received, before any filter. */
  readonly records: { readonly count: number; readonly first: any; readonly last: any };
  /** The token that was sent; null for the first page. */
  readonly token: any;
  /** Of the page in its chain, from 0. */
  readonly index: number;
  /** Records received in this chain so far: in next() with this page's, in classify() and records() those of the pages before. */
  readonly received: number;
  /** The connector's settings. */
  readonly config: { readonly [name: string]: any };
  /** The values of the chain's partition; null without one. */
  readonly partition: any;
  /** The chain's time window; null without one. */
  readonly window: { readonly from: any; readonly to: any } | null;
  /** What requests filter by; null on a first run without `start`. */
  readonly watermark: any;
  /** What next() returned as memo on the page before; null at first. */
  readonly memo: any;
}

/** What a call may know besides its first argument. Read-only. */
declare interface Context {
  /** The connector's settings. */
  readonly config: { readonly [name: string]: any };
  /** The values of the chain's partition; null without one. */
  readonly partition: any;
  /** The chain's time window; null without one. */
  readonly window: { readonly from: any; readonly to: any } | null;
  /** What requests filter by; null on a first run without `start`. */
  readonly watermark: any;
  /** `id` and `body` of the open session; null without one. */
  readonly session: any;
  /** Which page this is for. */
  readonly page: { readonly index: number; readonly token: any };
  /** What next() returned last as memo; null at first. */
  readonly memo: any;
  /** Of this request, from 1. */
  readonly attempt: number;
  /** The run's clock, RFC 3339. */
  readonly now: string;
  /** The run. */
  readonly run: { readonly id: string };
}

/** A request; it may be changed in place. */
declare interface HookRequest {
  /** GET, POST, … */
  method: string;
  /** The URL without `query`; a query that is written here is kept as it is. It may be relative to the one that was given. */
  url: string;
  /** Parameters that are appended, each percent-encoded once. A list repeats the parameter; null leaves it out. */
  query: { [name: string]: any };
  /** Looked up whatever their case; null takes a header away, a list sends several lines. */
  headers: { [name: string]: any };
  /** Sent as JSON; null without. Of `body` and `text` the one that was changed is sent. */
  body?: any;
  /** Sent as it is; null where the body is JSON. */
  text?: string | null;
}

/** What next() decides: one of token, end and fail, and perhaps memo and wait. */
declare interface Next {
  /** Goes on: any JSON, sent where `send` says. */
  token?: any;
  /** Stops: the reason why this is the end. */
  end?: string;
  /** The page contradicts itself: the reason. */
  fail?: string;
  /** Kept in the checkpoint; the next page's `memo`. */
  memo?: any;
  /** Before the next request: "30s". */
  wait?: string;
}

/**
 * Says after each page whether the chain goes on. Nothing leaves it to the YAML.
 * `{fail: "reason"}` is for a page that contradicts itself: the chain goes to its fallback, or ends incomplete.
 */
declare type NextFunction = (page: Page) => Next | undefined;

/** Says what an answer is before anything else looks at it. Nothing leaves it to the YAML. */
declare type ClassifyFunction = (resp: Page) => Class | undefined;

/** Changes a request. Runs for every attempt, before auth. */
declare type RequestFunction = (req: HookRequest, ctx: Context) => HookRequest;

/** Signs a request (auth type `hook`). Runs for every attempt, after every other edit. */
declare type SignFunction = (req: HookRequest, ctx: Context) => HookRequest;

/**
 * Changes a record: what is returned is delivered in its place. `null` drops it.
 * `rec` may be changed in place.
 */
declare type RecordFunction = (rec: any, ctx: Context) => object | any[] | null;

/** Finds a page's records where a path cannot. */
declare type RecordsFunction = (page: Page) => any[];

/** A query parameter of a URL, decoded; null without it. */
declare function param(url: any, name: string): string | null;

/** The first group of the first match, or the whole match of a pattern without groups; null without a match. */
declare function match(text: any, regex: RegExp | string): string | null;

/** A time as RFC 3339 in UTC, or in a layout: `rfc3339`, `epoch`, `epoch_ms` (numbers) or a layout of Go. `x` is RFC 3339, an HTTP date, seconds or milliseconds since 1970, a Date, `now` or `-30d`. */
declare function time(x: any, layout?: string): any;

/** A time moved by a duration (`"-5m"`, `"30d"`), in the form it was given in. */
declare function add(time: any, duration: string): any;

/** The digest of a text's UTF-8, in lower case hexadecimal. */
declare function sha256(x: any): string | null;

/** The code of a text's UTF-8, in lower case hexadecimal. */
declare function hmac_sha256(key: any, x: any): string | null;

/** A text's UTF-8 in Base64 with padding. */
declare function base64(x: any): string | null;

/** A text's UTF-8 in the Base64 of URLs, without padding. */
declare function base64url(x: any): string | null;

/** A value as JSON, numbers with all their digits. */
declare function json(x: any): string;

/** A random UUID (version 4) of the run's seed. */
declare function uuid(): string;

/** Goes to the log at debug level, with file and line. */
declare const console: { log(...values: any[]): void; debug(...values: any[]): void; info(...values: any[]): void; warn(...values: any[]): void; error(...values: any[]): void };
