// SPDX-License-Identifier: Apache-2.0
/** Topic names and topic filters: what is well-formed, and which filter matches which name. Spec: MQTT 3.1.1 §4.7. */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { TOPIC_MAXIMUM } from "./constants.js";

/** True for a name without wildcards and with at least one character. Spec: [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
export function isTopic(topic: string): boolean {
	return topic !== "" && !topic.includes("#") && !topic.includes("+");
}

const SHARE = "$share/";

/** Spec: MQTT 5 §4.8.2. */
export function isShared(filter: string): boolean {
	return filter.startsWith(SHARE);
}

/** Spec: [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1], of MQTT 5 [MQTT-4.8.2-1] [MQTT-4.8.2-2]. */
export function isFilter(filter: string): boolean {
	if (!isShared(filter)) return isPlainFilter(filter);
	const plain = withoutShare(filter);
	return plain !== filter && isTopic(filter.slice(SHARE.length, -plain.length - 1)) && isPlainFilter(plain);
}

/** The filter behind a share's name; what has none as it is. */
function withoutShare(filter: string): string {
	if (!isShared(filter)) return filter;
	const end = filter.indexOf("/", SHARE.length);
	return end < 0 ? filter : filter.slice(end + 1);
}

function isPlainFilter(filter: string): boolean {
	if (filter === "") return false;
	if (!filter.includes("#") && !filter.includes("+")) return true;
	const levels = filter.split("/");
	const last = levels.length - 1;
	return levels.every((level, index) =>
		level === "+" || (level === "#" && index === last) || !(level.includes("#") || level.includes("+")));
}

/** @throws DeviceError `argument` */
export function checkTopic(topic: string): void {
	if (!isTopic(topic)) throw new DeviceError("argument", `"${topic}" is no topic name`);
}

/**
 * Bytes of a topic name. Spec: also [MQTT-4.7.3-2] [MQTT-4.7.3-3].
 * @throws DeviceError `argument` for what is none, or too long for a packet
 */
export function topicLength(text: TextCodec, topic: string): number {
	checkTopic(topic);
	const length = text.byteLength(topic);
	if (length > TOPIC_MAXIMUM || topic.includes("\0")) {
		throw new DeviceError("argument", `no packet holds a topic of ${length} bytes, or with U+0000`);
	}
	return length;
}

/** Spec: also [MQTT-4.7.3-2] [MQTT-4.7.3-3]. @throws DeviceError `argument` */
export function checkFilter(text: TextCodec, filter: string): void {
	if (!isFilter(filter) || filter.includes("\0") || text.byteLength(filter) > TOPIC_MAXIMUM) {
		throw new DeviceError("argument", `"${filter}" is no topic filter`);
	}
}

/**
 * Whether a message to `topic` is for `filter`; both are well-formed.
 * Spec: §4.7.1; [MQTT-4.7.2-1] a leading wildcard does not match names that begin with `$`.
 */
export function matches(filter: string, topic: string): boolean {
	if (filter === topic) return true;
	const wanted = withoutShare(filter).split("/");
	const levels = topic.split("/");
	if (topic.startsWith("$") && (wanted[0] === "+" || wanted[0] === "#")) return false;
	for (let index = 0; index < wanted.length; index++) {
		if (wanted[index] === "#") return true;
		if (index >= levels.length) return false;
		if (wanted[index] !== "+" && wanted[index] !== levels[index]) return false;
	}
	return wanted.length === levels.length;
}
