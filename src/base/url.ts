// SPDX-License-Identifier: Apache-2.0
/** Endpoints as URLs: no platform of ours but Node has a parser, and all that is needed is three parts. */
import { DeviceError } from "./error.js";

export interface Endpoint {
	/** Lower case, without the colon. */
	scheme: string;
	/** Name or IP address, an IPv6 address without its brackets. */
	name: string;
	port: number;
}

const SCHEME_END = "://";
/** What a name does not hold: where one of them is, there is more to the URL than is for us. */
const DELIMITERS = "/?#[]@: ";

/**
 * Parses `scheme://name[:port]`, with or without a slash at the end. No regular expression: on XS one takes all the
 * stack that is left.
 * @param ports default ports, by the schemes that are accepted
 * @throws DeviceError `argument`, without the URL, in which people put passwords
 */
export function parseEndpoint(url: string, ports: Readonly<Record<string, number>>): Endpoint {
	const start = url.indexOf(SCHEME_END);
	const scheme = url.slice(0, Math.max(0, start)).toLowerCase();
	const end = url.endsWith("/") ? url.length - 1 : url.length;
	const authority = start < 0 ? "" : url.slice(start + SCHEME_END.length, end);
	const isBracketed = authority.startsWith("[");
	const close = authority.indexOf(isBracketed ? "]" : ":");
	const name = authority.slice(isBracketed ? 1 : 0, close < 0 ? authority.length : close);
	const rest = close < 0 ? "" : authority.slice(isBracketed ? close + 1 : close);
	const port = rest === "" ? ports[scheme] ?? 0 : portOf(rest);
	// In brackets is an IPv6 address, which whoever connects looks at.
	const isName = name !== "" && (isBracketed ? close > 0 : !holdsDelimiter(name));
	if (!isName || !Object.hasOwn(ports, scheme) || !(port >= 1 && port <= 65535)) {
		throw new DeviceError("argument", `no endpoint: ${Object.keys(ports).join(" or ")}://name:port is one`);
	}
	return { scheme, name, port };
}

/** Of a colon and digits; NaN for anything else. */
function portOf(rest: string): number {
	const digits = rest.slice(1);
	const port = Number(digits);
	return rest.startsWith(":") && String(port) === digits ? port : NaN;
}

function holdsDelimiter(name: string): boolean {
	for (const delimiter of DELIMITERS) if (name.includes(delimiter)) return true;
	return false;
}
