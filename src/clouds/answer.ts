// SPDX-License-Identifier: Apache-2.0
/** Which of a service's messages a topic is for. */

/** @returns what follows `prefix`, where that is one of `answers`; else "" */
export function answerOf(topic: string, prefix: string, answers: readonly string[]): string {
	const answer = topic.startsWith(prefix) ? topic.slice(prefix.length) : "";
	return answers.includes(answer) ? answer : "";
}
