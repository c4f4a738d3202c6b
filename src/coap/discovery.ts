// SPDX-License-Identifier: Apache-2.0
/** The resource that lists the others. Spec: RFC 6690 §4, RFC 7252 §7.2. */
import type { TextCodec } from "../host.js";
import { Code, ContentFormat } from "./constants.js";
import { filterLinks, findAttribute, formatLinks, type Attribute, type Link } from "./link-format.js";
import type { Replier, Resource, ResourceRequest } from "./resource.js";

export class Discovery implements Resource {
	readonly methods: readonly number[] = [Code.GET];
	readonly offers: readonly number[] = [ContentFormat.LINK_FORMAT];
	readonly #codec: TextCodec;
	readonly #routes: ReadonlyMap<string, Resource>;

	constructor(codec: TextCodec, routes: ReadonlyMap<string, Resource>) {
		this.#codec = codec;
		this.#routes = routes;
	}

	onRequest({ query }: ResourceRequest, reply: Replier): void {
		const links: Link[] = [];
		for (const [path, resource] of this.#routes) {
			links.push({ target: `/${path}`, attributes: attributesOf(resource) });
		}
		const list = formatLinks(filterLinks(links, query));
		const payload = new Uint8Array(this.#codec.byteLength(list));
		this.#codec.encode(list, payload, 0);
		reply.send({ code: Code.CONTENT, contentFormat: ContentFormat.LINK_FORMAT, payload });
	}
}

function attributesOf({ attributes = [], observable, offers }: Resource): readonly Attribute[] {
	const all = [...attributes];
	const isFormatted = offers !== undefined && findAttribute(all, "ct") === undefined;
	if (isFormatted) all.push({ name: "ct", value: offers.join(" ") });
	if (observable === true) all.push({ name: "obs", value: undefined });
	return all;
}
