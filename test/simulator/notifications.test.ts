// SPDX-License-Identifier: Apache-2.0
/** Rules and what is told by them: once for each occurrence, and when it is over; and the numbers of devices. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Notification, Notifications } from "../../hosts/simulator/operations/notifications.js";
import { readRules } from "../../hosts/simulator/operations/rules.js";
import { Statistics } from "../../hosts/simulator/operations/statistics.js";

function told(rules: unknown, known?: readonly Notification[]): { notifications: Notifications; all: Notification[]; lines: () => string[] } {
	const notifications = new Notifications(readRules(rules), known), all: Notification[] = [];
	notifications.onNotification = notification => { all.push(notification); };
	return { notifications, all, lines: () => all.map(({ rule, device, subject, clearedAt, raisedAt }) => [rule, device, subject, clearedAt === undefined ? "raised" : clearedAt === raisedAt ? "once" : "cleared"].join(" ")) };
}

suite("Notifications", () => {
	test("a device that is away for too long is told of once, and again when it is back", () => {
		const { notifications, lines } = told([{ when: "offline", for: "10s" }]);
		notifications.presence("a", false, 1_000);
		notifications.presence("b", false, 2_000);
		assert.equal(notifications.deadline, 11_000);
		notifications.presence("b", true, 3_000);
		notifications.expire(10_999);
		assert.deepEqual(lines(), []);
		notifications.expire(11_000);
		notifications.expire(50_000);
		assert.equal(notifications.deadline, Infinity);
		notifications.presence("a", true, 60_000);
		notifications.presence("a", false, 61_000);
		notifications.expire(71_000);
		assert.deepEqual(lines(), ["offline a  raised", "offline a  cleared", "offline a  raised"]);
	});

	test("a number out of bounds is told of when it goes out and when it is back, whichever bound it is", () => {
		const { notifications, all, lines } = told([{ name: "warm", when: "metric", metric: "t", above: 80, below: 0, devices: ["oven-*"] }]);
		for (const [device, t, at] of [["oven-1", 80, 1], ["oven-1", 81, 2], ["oven-1", 90, 3], ["lamp", 99, 3], ["oven-1", -1, 4], ["oven-1", 5, 5], ["oven-1", -2, 6]] as const) {
			notifications.metrics(device, { t, other: 1 }, at);
		}
		notifications.metrics("oven-1", { other: 1 }, 7);
		assert.deepEqual(lines(), ["warm oven-1  raised", "warm oven-1  cleared", "warm oven-1  raised"]);
		assert.deepEqual(all.map(({ text }) => text), ["oven-1 t is 81, above 80", "oven-1 t is 5", "oven-1 t is -2, below 0"]);
		assert.equal(notifications.list().length, 1);
	});

	test("each crash and each command that failed is told of; an update that failed until one succeeds", () => {
		const { notifications, lines } = told([{ when: "crash" }, { when: "update-failed" }, { when: "command-failed" }]);
		notifications.crash("a", "0badcafe", "exception", 1);
		notifications.crash("a", "0badcafe", "exception", 2);
		notifications.commandFailed("a", "c-1", "FAILED", 3);
		notifications.update("a", "u-1", true, "FAILED", 4);
		notifications.update("a", "u-1", true, "FAILED", 5);
		notifications.update("b", "u-1", false, "SUCCEEDED", 6);
		notifications.update("a", "u-2", false, "SUCCEEDED", 7);
		assert.deepEqual(lines(), ["crash a 0badcafe once", "crash a 0badcafe once", "command-failed a c-1 once", "update-failed a u-1 raised", "update-failed a u-1 cleared"]);
	});

	test("what lasted when the cloud ended is not told of again, and cleared by the next one", () => {
		const first = told([{ when: "offline", for: 10 }]);
		first.notifications.presence("a", false, 0);
		first.notifications.expire(10);
		const next = told([{ when: "offline", for: 10 }], first.notifications.list());
		next.notifications.presence("a", false, 20);
		next.notifications.expire(40);
		assert.deepEqual(next.lines(), []);
		next.notifications.presence("a", true, 50);
		assert.deepEqual(next.lines(), ["offline a  cleared"]);
		// A rule that is no more has nothing that lasts.
		assert.deepEqual(told([{ when: "crash" }], first.notifications.list()).notifications.list(), []);
	});

	test("rules that are none are refused with what is wrong", () => {
		const wrong: readonly (readonly [unknown, RegExp])[] = [
			[{}, /expected a list/], [[1], /rule 1 is not an object/], [[{ when: "toString" }], /"when" of rule 1/], [[{ when: "offline" }], /"for" of rule "offline"/],
			[[{ when: "offline", for: "soon" }], /"for"/], [[{ when: "offline", for: -1 }], /"for"/], [[{ when: "crash", for: "1s" }], /has a member "for"/],
			[[{ when: "crash" }, { when: "crash" }], /two rules are called "crash"/], [[{ when: "crash", name: "\u001b" }], /"name" of rule 1/],
			[[{ when: "metric", metric: "t" }], /needs a number/], [[{ when: "metric", metric: "t", above: "hot" }], /needs a number/], [[{ when: "metric", above: 1 }], /"metric"/],
			[[{ when: "crash", devices: "lamp" }], /"devices"/], [[{ when: "crash", devices: ["a/b"] }], /"devices"/], [new Array(101).fill({ when: "crash" }), /at most 100/],
		];
		for (const [document, says] of wrong) assert.throws(() => readRules(document), says, JSON.stringify(document));
	});

	test("stars stand for any characters, and take no longer for many", () => {
		const { notifications, all } = told([{ when: "crash", devices: ["a*b*c", "*:x", "exact", `${"*a".repeat(60)}*`] }]);
		for (const device of ["abc", "a-b-c", "abcbc", "acb", "ab", "room:x", "exact", "exactly", "a".repeat(128)]) notifications.crash(device, "f", "", 1);
		assert.deepEqual(all.map(({ device }) => device), ["abc", "a-b-c", "abcbc", "room:x", "exact", "a".repeat(128)]);
	});
});

suite("Statistics", () => {
	test("count what a device does, and all devices together; time goes on only while it is online", () => {
		const statistics = new Statistics();
		statistics.presence("a", true, 1_000);
		statistics.message("a", true, 10, 2_000);
		statistics.message("a", false, 5, 3_000);
		statistics.presence("a", false, 4_000);
		statistics.message("a", false, 5, 9_000);
		statistics.presence("a", true, 10_000);
		statistics.presence("a", true, 11_000);
		statistics.command("a", "SUCCEEDED", 11_000);
		statistics.crash("a", "f", { reason: "exception" }, 3, 11_000);
		statistics.crash("a", "f", { reason: "exception" }, 1, 11_500);
		statistics.crash("b", "f", { reason: "exception" }, 1, 12_000);
		const { onlineTime, connections, sent, received, lastSeenAt, commands, crashes } = statistics.get("a")!;
		assert.deepEqual({ onlineTime, connections, sent, received, lastSeenAt, commands, crashes }, {
			onlineTime: 4_500, connections: 2, sent: { messages: 1, bytes: 10 }, received: { messages: 2, bytes: 10 }, lastSeenAt: 11_500,
			commands: { SUCCEEDED: 1 }, crashes: { f: { reason: "exception", count: 4, lastAt: 11_500 } },
		});
		const fleet = statistics.fleet();
		assert.deepEqual([fleet.devices, fleet.online, fleet.crashes["f"]], [2, 1, { reason: "exception", count: 5, lastAt: 12_000 }]);
		const next = new Statistics(statistics.list());
		assert.deepEqual([next.get("a")!.online, next.get("a")!.changedAt, next.get("a")!.connections], [false, 11_500, 2]);
		assert.equal(statistics.get("a")!.online, true);
	});

	test("different crashes are bounded, the oldest make room", () => {
		const statistics = new Statistics();
		for (let number = 0; number < 200; number++) statistics.crash("a", `f${number}`, { reason: "exception" }, 1, number);
		const fingerprints = Object.keys(statistics.get("a")!.crashes);
		assert.deepEqual([fingerprints.length, fingerprints[0], fingerprints.at(-1)], [64, "f136", "f199"]);
	});
});
