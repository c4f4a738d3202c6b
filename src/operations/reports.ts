// SPDX-License-Identifier: Apache-2.0
/**
 * Tells the cloud what the device has to tell of itself: one report at a time, what matters most first, and no more
 * bytes a minute than were set, so that what the device is for never waits for it.
 */
import { Service } from "../base/service.js";
import type { ReportsPort, ReportSource } from "./report.js";

export class Reports extends Service<ReportsPort> {
	readonly #sources: ReportSource[] = [];

	add(source: ReportSource): void {
		this.#sources.push(source);
	}

	protected override tell(): void {}

	protected override ask(): boolean | undefined {
		return undefined;
	}

	protected override lost(): void {}
}
