// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses of resources: taken apart into what options hold, and put together again.
 *
 * What is percent-encoded is decoded, because options hold it so. A name of another script comes as its ASCII form:
 * nothing is mapped here. Read first: RFC 7252 §6, RFC 8323 §8.
 */
import { decodeHex } from "../bytes/hex.js";
import { DeviceError } from "../base/error.js";
import { parseEndpoint } from "../base/url.js";
import type { TextCodec } from "../host.js";
import { OptionNumber } from "./constants.js";
import { textOption, type Option } from "./option.js";

/** Schemes with their ports. Spec: RFC 7252 §6.1, §6.2, RFC 8323 §8. */
export const PORTS: Readonly<Record<string, number>> = Object.freeze({
	"coap": 5683, "coaps": 5684, "coap+tcp": 5683, "coaps+tcp": 5684, "coap+ws": 80, "coaps+ws": 443,
});
/** Characters of the longest URI. */
export const URI_MAXIMUM = 2_048;
/** Bytes of a segment, of an argument of the query, and of a name. Spec: RFC 7252 §5.10, table 4. */
const PART_MAXIMUM = 255;

const IPV4_PARTS = 4;
/** What is not encoded anywhere beside letters and digits. Spec: RFC 3986 §2.2, §2.3. */
const PLAIN = "-._~!$'()*+,;=";
/** The same, of the parts that allow more. Spec: RFC 7252 §6.5; a slash in a query is encoded as in its Appendix B. */
const PLAIN_IN_NAME = `${PLAIN}&`;
const PLAIN_IN_PATH = `${PLAIN}&:@`;
const PLAIN_IN_QUERY = `${PLAIN}:@?`;

export interface CoAPURI {
	/** One of `PORTS`. */
	readonly scheme: string;
	/** Name in lower case, or IP address, an IPv6 address without its brackets. */
	readonly name: string;
	readonly port: number;
	/** Segments; none for the root. */
	readonly path: readonly string[];
	/** Each an argument, such as "a=b". */
	readonly query: readonly string[];
}

/** Spec: RFC 7252 §6.4. @throws DeviceError `argument`, without the URI, which may be a secret in itself */
export function parseURI(text: TextCodec, uri: string): CoAPURI {
	checkCharacters(uri);
	const authority = uri.indexOf("://") + 3;
	const end = firstOf(uri, "/?", authority);
	const mark = firstOf(uri, "?", end);
	// A port may be empty, and is then the scheme's own.
	const { scheme, name, port } = parseEndpoint(uri.slice(0, uri.startsWith(":", end - 1) ? end - 1 : end), PORTS);
	return {
		scheme,
		name: decodePart(text, name).toLowerCase(),
		port,
		path: segmentsOf(text, uri.slice(end, mark)),
		query: mark === uri.length ? [] : uri.slice(mark + 1).split("&").map(argument => decodePart(text, argument)),
	};
}

/** Spec: RFC 7252 §6.5. */
export function formatURI(text: TextCodec, { scheme, name, port, path, query }: CoAPURI): string {
	let uri = `${scheme}://${name.includes(":") ? `[${name}]` : encodePart(text, name, PLAIN_IN_NAME)}`;
	if (port !== PORTS[scheme]) uri += `:${port}`;
	if (path.length === 0) uri += "/";
	for (const segment of path) uri += `/${encodePart(text, segment, PLAIN_IN_PATH)}`;
	let separator = "?";
	for (const argument of query) {
		uri += separator + encodePart(text, argument, PLAIN_IN_QUERY);
		separator = "&";
	}
	return uri;
}

/**
 * What a request to where the URI leads says beside: an address needs no Uri-Host, and the port is the request's own.
 * Spec: RFC 7252 §6.4.
 */
export function uriOptions(text: TextCodec, { name, path, query }: CoAPURI): Option[] {
	const options = isAddress(name) ? [] : [textOption(text, OptionNumber.URI_HOST, name)];
	for (const segment of path) options.push(textOption(text, OptionNumber.URI_PATH, segment));
	for (const argument of query) options.push(textOption(text, OptionNumber.URI_QUERY, argument));
	return options;
}

/** Whether it is an IP address and no name. */
export function isAddress(name: string): boolean {
	if (name.includes(":")) return true;
	const parts = name.split(".");
	return parts.length === IPV4_PARTS && parts.every(part => String(Number(part)) === part && Number(part) <= 255);
}

/** It becomes part of messages, and of an HTTP request: whoever could add a line to that could add anything. */
function checkCharacters(uri: string): void {
	const isString = typeof uri === "string" && uri.length <= URI_MAXIMUM;
	if (!isString) throw new DeviceError("argument", `no URI of at most ${URI_MAXIMUM} characters`);
	for (const character of uri) {
		if (character <= " " || character > "~") throw new DeviceError("argument", "a URI has no spaces and is ASCII");
	}
	// §6.4 no. 4: what it would point to is inside a representation.
	if (uri.includes("#")) throw new DeviceError("argument", "a URI for CoAP has no fragment");
}

/** Goes up at each "..", and stays at each ".", which no option may hold. Spec: RFC 3986 §5.2.4, RFC 7252 §5.10.1. */
function segmentsOf(text: TextCodec, path: string): string[] {
	const segments: string[] = [];
	if (path === "" || path === "/") return segments;
	const parts = path.slice(1).split("/");
	for (let index = 0; index < parts.length; index++) {
		const segment = decodePart(text, parts[index]!);
		const isDots = segment === "." || segment === "..";
		if (segment === "..") segments.pop();
		if (!isDots) segments.push(segment);
		else if (index === parts.length - 1 && segments.length > 0) segments.push("");
	}
	return segments;
}

function decodePart(text: TextCodec, part: string): string {
	let result = "";
	let position = 0;
	for (let percent = part.indexOf("%"); percent >= 0; percent = part.indexOf("%", position)) {
		result += part.slice(position, percent);
		let digits = "";
		// All that follow at once: together they are one text.
		for (position = percent; part.startsWith("%", position); position += 3) {
			if (position + 3 > part.length) throw new DeviceError("argument", "a percent sign without two digits");
			digits += part.slice(position + 1, position + 3);
		}
		result += decodeText(text, decodeHex(digits.toLowerCase()));
	}
	result += part.slice(position);
	if (text.byteLength(result) > PART_MAXIMUM) {
		throw new DeviceError("argument", `a part of a URI of more than ${PART_MAXIMUM} bytes`);
	}
	return result;
}

function decodeText(text: TextCodec, bytes: Uint8Array): string {
	try {
		return text.decode(bytes, 0, bytes.byteLength);
	} catch (cause) {
		throw new DeviceError("argument", "a URI holds what is no UTF-8", { cause });
	}
}

function encodePart(text: TextCodec, part: string, plain: string): string {
	let result = "";
	for (const character of part) result += isPlain(character, plain) ? character : encodeCharacter(text, character);
	return result;
}

function isPlain(character: string, plain: string): boolean {
	return character >= "a" && character <= "z" || character >= "A" && character <= "Z"
		|| character >= "0" && character <= "9" || plain.includes(character);
}

function encodeCharacter(text: TextCodec, character: string): string {
	const bytes = new Uint8Array(text.byteLength(character));
	text.encode(character, bytes, 0);
	let result = "";
	for (let index = 0; index < bytes.byteLength; index++) {
		result += `%${(bytes.at(index)! + 0x100).toString(16).slice(1).toUpperCase()}`;
	}
	return result;
}

/** Index of the first of `delimiters` from `start` on; the length where there is none. */
function firstOf(uri: string, delimiters: string, start: number): number {
	let first = uri.length;
	for (const delimiter of delimiters) {
		const at = uri.indexOf(delimiter, start);
		if (at >= 0 && at < first) first = at;
	}
	return first;
}
