// SPDX-License-Identifier: Apache-2.0
/** What a device offers to whoever asks it over CoAP: the words of the small server, whatever carries them. */
import type { Attribute } from "./link-format.js";
import type { Option } from "./option.js";

export interface ResourceRequest {
	/** `Code.GET` and so on: one of the resource's `methods`. */
	readonly code: number;
	/** Segments with slashes between them, as it was added. */
	readonly path: string;
	/** Each one Uri-Query, such as "a=b". */
	readonly query: readonly string[];
	/** The whole body; there until the request is answered. */
	readonly payload: Uint8Array;
	readonly contentFormat: number | undefined;
	/** One of what the resource offers, or `undefined`: the asker does not mind. */
	readonly accept: number | undefined;
	/** All of them. */
	readonly options: readonly Option[];
	/** Tags of the representations it is about: it is refused with 4.12 if none is there. Empty tag: any will do. */
	readonly ifMatch: readonly Uint8Array[];
	/** It is refused with 4.12 if there is any representation. */
	readonly ifNoneMatch: boolean;
	/** Nobody asks just now: the representation is wanted for an observer, who will be told of it. */
	readonly isNotification: boolean;
}

/** All bytes are given away: they are not to be changed afterwards. */
export interface ResourceResponse {
	/** `Code.CONTENT` and so on. */
	readonly code: number;
	/** Whole: it is sent in blocks where it must be. */
	readonly payload?: Uint8Array | undefined;
	readonly contentFormat?: number | undefined;
	/** 1 to 8 bytes. Who has that representation already is told just so. */
	readonly etag?: Uint8Array | undefined;
	/** Seconds. */
	readonly maxAge?: number | undefined;
	/** Others, such as Location-Path, in ascending order. */
	readonly options?: readonly Option[] | undefined;
}

/** Takes the one answer to a request. */
export interface Replier {
	/** At any time, within a minute; later, or a second time, it does nothing. */
	send(response: ResourceResponse): void;
}

export interface Resource {
	/** `Code.GET` and so on; others are refused with 4.05. */
	readonly methods: readonly number[];
	/** Content formats of bodies that it takes; others are refused with 4.15. Absent: any. */
	readonly takes?: readonly number[] | undefined;
	/** Content formats that it has; where another one is wanted, 4.06 is answered. Absent: what the handler answers. */
	readonly offers?: readonly number[] | undefined;
	/** It can be observed: `Resources.notify` tells of changes. */
	readonly observable?: boolean | undefined;
	/** Of its link, such as "rt" and "if" (RFC 6690 §3); "obs" and "ct" follow from the fields above. */
	readonly attributes?: readonly Attribute[] | undefined;
	/** Runs in a timer's turn. */
	onRequest(request: ResourceRequest, reply: Replier): void;
}
