// SPDX-License-Identifier: Apache-2.0
/**
 * Topic names, topic filters, and the tree that finds who subscribed to a topic.
 *
 * Pure. Spec: MQTT 3.1.1 §4.7. A tree, because a fleet has as many filters as devices and each publication
 * must find the few that match without looking at all.
 */

/** Levels of a topic or filter; longer ones are refused, so that recursion over levels is bounded. */
export const TOPIC_LEVELS_MAXIMUM = 128;

/** True when `topic` may be published to: not empty, no wildcard, not too deep ([MQTT-4.7.3-1], [MQTT-3.3.2-2]). */
export function isTopic(topic: string): boolean {
	return topic !== "" && !topic.includes("+") && !topic.includes("#") && topic.split("/").length <= TOPIC_LEVELS_MAXIMUM;
}

/** True when `filter` may be subscribed to: wildcards fill a whole level, and `#` is the last ([MQTT-4.7.1-2], [MQTT-4.7.1-3]). */
export function isFilter(filter: string): boolean {
	if (filter === "") return false;
	const levels = filter.split("/");
	if (levels.length > TOPIC_LEVELS_MAXIMUM) return false;
	return levels.every((level, index) => {
		if (level === "#") return index === levels.length - 1;
		return level === "+" || !(level.includes("+") || level.includes("#"));
	});
}

/** True when a publication to `topic` concerns `filter`. @param hashIncludesParent whether `a/#` concerns `a` itself, too */
export function matches(filter: string, topic: string, hashIncludesParent = true): boolean {
	const wanted = filter.split("/");
	const levels = topic.split("/");
	if (hiddenFrom(wanted[0]!, topic)) return false;
	for (const [index, level] of wanted.entries()) {
		if (level === "#") return true;
		if (index >= levels.length || (level !== "+" && level !== levels[index])) return false;
		if (hashIncludesParent && index === levels.length - 1 && wanted.length === levels.length + 1 && wanted[index + 1] === "#") return true;
	}
	return wanted.length === levels.length;
}

/** [MQTT-4.7.2-1]: a leading wildcard does not concern topics that begin with `$`. */
function hiddenFrom(firstLevel: string, topic: string): boolean {
	return topic.startsWith("$") && (firstLevel === "+" || firstLevel === "#");
}

interface Node<Subscriber, Value> {
	children: Map<string, Node<Subscriber, Value>>;
	subscribers: Map<Subscriber, Value>;
}

/** Who subscribed to which filter, with one value (the QoS) for each pair. */
export class TopicTree<Subscriber, Value> {
	readonly #hashIncludesParent: boolean;
	readonly #root: Node<Subscriber, Value> = { children: new Map(), subscribers: new Map() };

	/** @param hashIncludesParent whether `a/#` concerns `a` itself, too, as the standard says */
	constructor(hashIncludesParent = true) {
		this.#hashIncludesParent = hashIncludesParent;
	}

	/** @param filter one for which `isFilter` is true */
	add(filter: string, subscriber: Subscriber, value: Value): void {
		let node = this.#root;
		for (const level of filter.split("/")) {
			let child = node.children.get(level);
			if (!child) {
				child = { children: new Map(), subscribers: new Map() };
				node.children.set(level, child);
			}
			node = child;
		}
		node.subscribers.set(subscriber, value);
	}

	remove(filter: string, subscriber: Subscriber): void {
		const path = [this.#root];
		const levels = filter.split("/");
		for (const level of levels) {
			const child = path.at(-1)!.children.get(level);
			if (!child) return;
			path.push(child);
		}
		path.at(-1)!.subscribers.delete(subscriber);
		for (let depth = levels.length; depth > 0; depth--) {
			const node = path[depth]!;
			if (node.subscribers.size > 0 || node.children.size > 0) return;
			path[depth - 1]!.children.delete(levels[depth - 1]!);
		}
	}

	/** Calls `onMatch` for every pair whose filter matches; a subscriber with several matching filters comes several times. */
	match(topic: string, onMatch: (subscriber: Subscriber, value: Value) => void): void {
		this.#visit(this.#root, topic.split("/"), 0, topic.startsWith("$"), onMatch);
	}

	#visit(node: Node<Subscriber, Value>, levels: string[], depth: number, hidden: boolean, onMatch: (subscriber: Subscriber, value: Value) => void): void {
		const wildcards = !(hidden && depth === 0);
		if (wildcards && (this.#hashIncludesParent || depth < levels.length)) report(node.children.get("#"), onMatch);
		if (depth === levels.length) {
			report(node, onMatch);
			return;
		}
		const exact = node.children.get(levels[depth]!);
		if (exact) this.#visit(exact, levels, depth + 1, hidden, onMatch);
		const any = wildcards ? node.children.get("+") : undefined;
		if (any) this.#visit(any, levels, depth + 1, hidden, onMatch);
	}
}

function report<Subscriber, Value>(node: Node<Subscriber, Value> | undefined, onMatch: (subscriber: Subscriber, value: Value) => void): void {
	if (node) for (const [subscriber, value] of node.subscribers) onMatch(subscriber, value);
}
