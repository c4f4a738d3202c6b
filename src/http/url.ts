// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of files on the web: taken apart, and followed from one to the next.
 *
 * What is percent-encoded stays as it is: a signature may be over it. Read first: RFC 3986 §5.2.
 */
import { DeviceError } from "../base/error.js";
import { parseEndpoint, type Endpoint } from "../base/url.js";

/** Characters of the longest URL: those with a signature in them have more than a thousand. */
export const URL_MAXIMUM = 2_048;

/** Schemes with their ports. */
export const SECURE: Readonly<Record<string, number>> = Object.freeze({ https: 443 });
export const ANY: Readonly<Record<string, number>> = Object.freeze({ https: 443, http: 80 });

export interface Location extends Endpoint {
	/** What `Host` says: the name, and the port where it is not the scheme's own. */
	authority: string;
	/** Path and query, as a request has them. */
	target: string;
}

/**
 * @param schemes those that are accepted
 * @throws DeviceError `argument`, without the URL, which may be a secret in itself
 */
export function parseURL(url: string, schemes: Readonly<Record<string, number>>): Location {
	if (typeof url !== "string" || url.length > URL_MAXIMUM) {
		throw new DeviceError("argument", `no URL of at most ${URL_MAXIMUM} characters`);
	}
	for (const character of url) {
		// It becomes part of a request: whoever could add a line to it could add anything.
		if (character <= " " || character > "~") throw new DeviceError("argument", "a URL has no spaces and is ASCII");
	}
	const hash = url.indexOf("#");
	const whole = hash < 0 ? url : url.slice(0, hash);
	const end = authorityEnd(whole);
	const endpoint = parseEndpoint(whole.slice(0, end), schemes);
	const { scheme, name, port } = endpoint;
	const isLiteral = name.includes(":");
	const authority = (isLiteral ? `[${name}]` : name) + (port === schemes[scheme] ? "" : `:${port}`);
	const rest = whole.slice(end);
	return { scheme, name, port, authority, target: rest.startsWith("/") ? rest : `/${rest}` };
}

/** The URL that `reference` means where it was found at `base`. Spec: RFC 3986 §5.2.2. */
export function resolveURL(base: Location, reference: string): string {
	const root = `${base.scheme}://${base.authority}`;
	const end = firstOf(reference, "/?#");
	// A colon before any of these is the end of a scheme.
	if (reference.slice(0, end).includes(":")) return reference;
	if (reference.startsWith("//")) return `${base.scheme}:${reference}`;
	if (reference.startsWith("/")) return root + withoutDots("/", reference.slice(1));
	const path = base.target.slice(0, firstOf(base.target, "?"));
	if (end === 0) return root + path + (reference.startsWith("?") ? reference : base.target.slice(path.length));
	return root + withoutDots(path.slice(0, path.lastIndexOf("/") + 1), reference);
}

/** Goes from the folder `path` along `reference`, up at each `..`. Spec: RFC 3986 §5.2.4. */
function withoutDots(path: string, reference: string): string {
	const end = firstOf(reference, "?#");
	let folder = path;
	let rest = reference.slice(0, end);
	for (let slash = rest.indexOf("/"); ; slash = rest.indexOf("/")) {
		const segment = slash < 0 ? rest : rest.slice(0, slash);
		if (segment === "..") folder = folder.slice(0, folder.lastIndexOf("/", folder.length - 2) + 1) || "/";
		if (segment === "." || segment === "..") rest = slash < 0 ? "" : rest.slice(slash + 1);
		else if (slash < 0) return folder + rest + reference.slice(end);
		else {
			folder += rest.slice(0, slash + 1);
			rest = rest.slice(slash + 1);
		}
	}
}

function authorityEnd(url: string): number {
	const start = url.indexOf("://");
	return start < 0 ? url.length : start + 3 + firstOf(url.slice(start + 3), "/?");
}

/** Index of the first of `delimiters`; the length where there is none. */
function firstOf(text: string, delimiters: string): number {
	let first = text.length;
	for (const delimiter of delimiters) {
		const at = text.indexOf(delimiter);
		if (at >= 0 && at < first) first = at;
	}
	return first;
}
