// SPDX-License-Identifier: Apache-2.0
/** What AWS IoT Core allows, each an option whose default is the vendor's. */

export interface AwsLimits {
	/** Bytes of a client id in UTF-8. */
	clientIdBytesMaximum: number;
	/** CONNECTs of one client id in a second, and of the account. */
	connectsPerSecond: number;
	accountConnectsPerSecond: number;
	/** Bytes of a topic or filter, without the levels of Basic Ingest and of a shared subscription that do not count. */
	topicBytesMaximum: number;
	topicSlashesMaximum: number;
	/** Characters of the name in `$share/<name>/…`. */
	shareNameMaximum: number;
	/** Bytes of a publication's payload. */
	payloadBytesMaximum: number;
	/** Filters that the account's clients subscribe to in a second. */
	accountSubscriptionsPerSecond: number;
	/** Retained publications of the account in a second, and to one topic. */
	accountRetainedPerSecond: number;
	retainedPerTopicPerSecond: number;
}

export const DEFAULT_AWS_LIMITS: Readonly<AwsLimits> = Object.freeze({
	clientIdBytesMaximum: 128,
	connectsPerSecond: 1,
	accountConnectsPerSecond: 500,
	topicBytesMaximum: 256,
	topicSlashesMaximum: 7,
	shareNameMaximum: 128,
	payloadBytesMaximum: 128 * 1024,
	accountSubscriptionsPerSecond: 500,
	accountRetainedPerSecond: 500,
	retainedPerTopicPerSecond: 1,
});

export interface AwsShadowLimits {
	/** Bytes of a document's state as JSON, its metadata left out; what would exceed it is refused with 413. */
	documentBytesMaximum: number;
	/** Objects and arrays inside each other, the section itself included; what is deeper is refused with 400. */
	depthMaximum: number;
	/** Bytes of a client token in UTF-8. */
	tokenBytesMaximum: number;
	/** Requests of one connection that are not answered; further ones are refused with 429. */
	inflightMaximum: number;
	/** Requests for one thing in a second; further ones are refused with 429. */
	requestsPerSecond: number;
	/** Milliseconds after a deletion in which a new document goes on with the old one's version. */
	versionKeptFor: number;
	/** Documents and versions of deleted ones; an update that would make one more is refused with 500. */
	documentCountMaximum: number;
	/** Whether objects that have lost their last member stay in the document, as `{}`. */
	keepsEmptyObjects: boolean;
	/** Whether a shadow needs a registered thing: the named ones, all, or none. */
	needsThing: "named" | "all" | "none";
}

export const DEFAULT_AWS_SHADOW_LIMITS: Readonly<AwsShadowLimits> = Object.freeze({
	documentBytesMaximum: 8 * 1024,
	depthMaximum: 6,
	tokenBytesMaximum: 64,
	inflightMaximum: 10,
	requestsPerSecond: 20,
	versionKeptFor: 48 * 3_600_000,
	documentCountMaximum: 100_000,
	keepsEmptyObjects: false,
	needsThing: "named",
});
