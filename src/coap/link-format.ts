// SPDX-License-Identifier: Apache-2.0
/**
 * Lists of links: what a server offers at `/.well-known/core`, which of it a query asks for, and what others list.
 *
 * Attributes are rows and no properties: their names come from the peer, and a property's name is kept for ever.
 * Read first: RFC 6690 §2, §3, §4.1; RFC 7252 §7.2.1.
 */
import { DeviceError } from "../base/error.js";

/** Of a list that is parsed. */
export const LINK_MAXIMUM = 256;
/** Of one of its links. */
export const ATTRIBUTE_MAXIMUM = 16;

/** Where links are listed. Spec: RFC 6690 §4. */
export const DISCOVERY_PATH = ".well-known/core";

/** Their values are numbers, which go without quotes where there is one alone. */
const NUMERIC: readonly string[] = Object.freeze(["ct", "sz"]);
const DIGITS = "0123456789";
const TARGET = "href";

export interface Attribute {
	readonly name: string;
	/** Several values have spaces between them; `undefined` for a flag, such as "obs". */
	readonly value: string | undefined;
}

export interface Link {
	/** As it stands between the angle brackets: a path from the root, or any URI. */
	readonly target: string;
	readonly attributes: readonly Attribute[];
}

/** The first of that name. */
export function findAttribute(attributes: readonly Attribute[], name: string): Attribute | undefined {
	return attributes.find(attribute => attribute.name === name);
}

/** Spec: RFC 6690 §2. @throws DeviceError `argument` for a target or a name that would be read as something else */
export function formatLinks(links: readonly Link[]): string {
	let list = "";
	for (const { target, attributes } of links) {
		if (target.includes(">")) throw new DeviceError("argument", "the target of a link holds >");
		list += `${list === "" ? "" : ","}<${target}>`;
		for (const { name, value } of attributes) list += `;${checkedName(name)}${formatValue(name, value)}`;
	}
	return list;
}

/**
 * The links that all of `query` select: "name=value", or "name=value*" for what begins with it, where the name is
 * "href" or an attribute's, of whose several values one must be it; a name alone for a flag. Spec: RFC 6690 §4.1.
 */
export function filterLinks(links: readonly Link[], query: readonly string[]): readonly Link[] {
	return links.filter(link => query.every(condition => isSelected(link, condition)));
}

/** @throws DeviceError `malformed`; `too-large` for more than is taken */
export function parseLinks(list: string): Link[] {
	const links: Link[] = [];
	let position = 0;
	while (position < list.length) {
		if (links.length === LINK_MAXIMUM) throw new DeviceError("too-large", `more than ${LINK_MAXIMUM} links`);
		const close = list.indexOf(">", position);
		if (!list.startsWith("<", position) || close < 0) throw malformed("a target in angle brackets");
		const attributes: Attribute[] = [];
		const target = list.slice(position + 1, close);
		position = parseAttributes(list, close + 1, attributes);
		links.push({ target, attributes });
		if (position === list.length) break;
		if (!list.startsWith(",", position) || position + 1 === list.length) throw malformed("another link");
		position++;
	}
	return links;
}

/** @returns index of what follows the link */
function parseAttributes(list: string, start: number, attributes: Attribute[]): number {
	let position = start;
	while (list.startsWith(";", position)) {
		if (attributes.length === ATTRIBUTE_MAXIMUM) {
			throw new DeviceError("too-large", `a link with more than ${ATTRIBUTE_MAXIMUM} attributes`);
		}
		const end = endOf(list, position + 1, "=;,");
		const name = list.slice(position + 1, end);
		if (!isName(name)) throw malformed("the name of an attribute");
		position = end;
		let value: string | undefined;
		if (list.startsWith("=\"", end)) {
			position = closingQuote(list, end + 2);
			value = withoutEscapes(list.slice(end + 2, position));
			position++;
		} else if (list.startsWith("=", end)) {
			position = endOf(list, end + 1, ";,");
			value = list.slice(end + 1, position);
		}
		attributes.push({ name, value });
	}
	return position;
}

function isSelected({ target, attributes }: Link, condition: string): boolean {
	const equals = condition.indexOf("=");
	const name = equals < 0 ? condition : condition.slice(0, equals);
	const attribute = name === TARGET ? { name, value: target } : findAttribute(attributes, name);
	if (attribute === undefined) return false;
	if (equals < 0) return true;
	const { value = "" } = attribute;
	const wanted = condition.slice(equals + 1);
	return isLike(value, wanted) || name !== TARGET && value.split(" ").some(part => isLike(part, wanted));
}

function isLike(value: string, wanted: string): boolean {
	return wanted.endsWith("*") ? value.startsWith(wanted.slice(0, -1)) : value === wanted;
}

function formatValue(name: string, value: string | undefined): string {
	if (value === undefined) return "";
	if (NUMERIC.includes(name) && isNumber(value)) return `=${value}`;
	let quoted = "";
	for (const character of value) quoted += character === "\"" || character === "\\" ? `\\${character}` : character;
	return `="${quoted}"`;
}

function isNumber(value: string): boolean {
	for (const character of value) if (!DIGITS.includes(character)) return false;
	return value !== "";
}

function checkedName(name: string): string {
	if (!isName(name)) throw new DeviceError("argument", "an attribute's name is no word");
	return name;
}

/** Nothing that ends it, nor a space. */
function isName(name: string): boolean {
	for (const character of name) if (character <= " " || "=;,\"<>".includes(character)) return false;
	return name !== "";
}

/** Index of the first of `delimiters`, or the length. */
function endOf(list: string, start: number, delimiters: string): number {
	let end = start;
	while (end < list.length && !delimiters.includes(list.charAt(end))) end++;
	return end;
}

function closingQuote(list: string, start: number): number {
	let end = start;
	while (end < list.length && list.charAt(end) !== "\"") end += list.charAt(end) === "\\" ? 2 : 1;
	if (end >= list.length) throw malformed("the end of a text in quotes");
	return end;
}

function withoutEscapes(quoted: string): string {
	let value = "";
	for (let index = 0; index < quoted.length; index++) {
		if (quoted.charAt(index) === "\\") index++;
		value += quoted.charAt(index);
	}
	return value;
}

function malformed(what: string): DeviceError {
	return new DeviceError("malformed", `a list of links, where ${what} was expected`);
}
