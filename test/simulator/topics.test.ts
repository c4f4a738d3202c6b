// SPDX-License-Identifier: Apache-2.0
/** Topic matching: the specification's examples, and the tree against the plain function on every small case. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { isFilter, isTopic, matches, TOPIC_LEVELS_MAXIMUM, TopicTree } from "../../hosts/simulator/broker/topics.js";

/** MQTT 3.1.1 §4.7.1, §4.7.2 and §4.7.3. */
const EXAMPLES: readonly [filter: string, topic: string, expected: boolean][] = [
	["sport/tennis/player1/#", "sport/tennis/player1", true],
	["sport/tennis/player1/#", "sport/tennis/player1/ranking", true],
	["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
	["sport/#", "sport", true],
	["sport/#", "sports", false],
	["#", "a/b/c", true],
	["sport/tennis/+", "sport/tennis/player1", true],
	["sport/tennis/+", "sport/tennis/player1/ranking", false],
	["sport/+", "sport", false],
	["sport/+", "sport/", true],
	["+/+", "/finance", true],
	["/+", "/finance", true],
	["+", "/finance", false],
	["#", "$SYS/x", false],
	["+/x", "$SYS/x", false],
	["$SYS/#", "$SYS/x", true],
	["$SYS/monitor/+", "$SYS/monitor/Clients", true],
	["a/+", "a/$b", true],
	["ACCOUNTS", "Accounts", false],
	["/finance", "finance", false],
];

suite("Topics", () => {
	for (const [filter, topic, expected] of EXAMPLES) {
		test(`${filter} ${expected ? "matches" : "does not match"} ${topic}`, () => {
			assert.equal(matches(filter, topic), expected);
			assert.equal(inTree(filter, topic), expected);
		});
	}

	test("the tree agrees with the plain function on every filter and topic of up to three levels", () => {
		const topics = words(["a", "b", "", "$s"]).filter(isTopic);
		const filters = words(["a", "", "+", "#", "$s"]).filter(isFilter);
		assert.ok(topics.length > 70 && filters.length > 70);
		for (const filter of filters) for (const topic of topics) assert.equal(inTree(filter, topic), matches(filter, topic), `${filter} ${topic}`);
	});

	test("what cannot be a topic or a filter is told apart", () => {
		for (const topic of ["", "a/+", "#", "a+b"]) assert.equal(isTopic(topic), false, topic);
		for (const filter of ["", "a#", "#/a", "a/#/b", "a+", "+a/b"]) assert.equal(isFilter(filter), false, filter);
		const deep = "a/".repeat(TOPIC_LEVELS_MAXIMUM - 1) + "a";
		assert.deepEqual([isTopic(deep), isFilter(deep), isTopic(`${deep}/a`), isFilter(`${deep}/a`)], [true, true, false, false]);
	});

	test("removing a subscription leaves the others", () => {
		const tree = new TopicTree<string, number>();
		tree.add("a/b", "x", 0);
		tree.add("a/b/c", "x", 0);
		tree.add("a/b", "y", 0);
		tree.remove("a/b", "x");
		tree.remove("a/never", "x");
		const found: string[] = [];
		tree.match("a/b", subscriber => found.push(subscriber));
		tree.match("a/b/c", subscriber => found.push(subscriber));
		assert.deepEqual(found, ["y", "x"]);
	});
});

function inTree(filter: string, topic: string): boolean {
	const tree = new TopicTree<string, number>();
	tree.add(filter, "x", 0);
	let count = 0;
	tree.match(topic, () => count++);
	assert.ok(count <= 1);
	return count === 1;
}

/** Every text of one to three levels. */
function words(levels: string[]): string[] {
	return levels.flatMap(first => [first, ...levels.flatMap(second => [`${first}/${second}`, ...levels.map(third => `${first}/${second}/${third}`)])]);
}
