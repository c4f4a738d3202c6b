// SPDX-License-Identifier: Apache-2.0
/**
 * `/.well-known/core`: what there is, as links, and the one that is looked for.
 *
 * Spec: RFC 6690 §2, §4.1.
 */

/** One link. */
export interface CoAPLink {
	/** Such as "/sensors/temp". */
	readonly path: string;
	/** Such as `{ rt: "temperature", ct: "40 50", obs: true }`. */
	readonly attributes?: Readonly<Record<string, string | true>> | undefined;
}

/** Attributes of several values, with spaces between them (RFC 6690 §2, §3; RFC 7252 §7.2.1). */
const LISTS: ReadonlySet<string> = new Set(["rt", "if", "rel", "rev", "ct"]);

/** @param query such as "rt=light*": each must be met */
export function linkFormat(links: readonly CoAPLink[], query: readonly string[]): string {
	return links.filter(link => query.every(filter => meets(link, filter))).map(written).join(",");
}

function meets({ path, attributes = {} }: CoAPLink, filter: string): boolean {
	const equals = filter.indexOf("=");
	const name = equals < 0 ? filter : filter.slice(0, equals), wanted = equals < 0 ? "*" : filter.slice(equals + 1);
	const value = name === "href" ? path : attributes[name];
	if (value === undefined) return false;
	const values = value === true ? [""] : LISTS.has(name) ? value.split(" ") : [value];
	return values.some(each => wanted.endsWith("*") ? each.startsWith(wanted.slice(0, -1)) : each === wanted);
}

function written({ path, attributes = {} }: CoAPLink): string {
	const words = Object.entries(attributes).map(([name, value]) => {
		if (value === true) return `;${name}`;
		return /^\d+$/.test(value) ? `;${name}=${value}` : `;${name}="${value.replaceAll(/["\\]/g, "\\$&")}"`;
	});
	return `<${path}>${words.join("")}`;
}
