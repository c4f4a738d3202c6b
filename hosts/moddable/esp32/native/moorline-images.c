// SPDX-License-Identifier: Apache-2.0
/*
 * The two slots for images and the watchdog of a trial, by ESP-IDF 6.0: what the SDK does not offer of it.
 *
 * All calls are about the partition that runs, but ESP-IDF's calls that mark it mean the one that boots next. The two
 * differ once an image was activated, so nothing is marked without a look at the state first.
 *
 * The watchdog is the chip's RTC watchdog, which the boot loader starts. With BOOTLOADER_WDT_DISABLE_IN_USER_CODE nobody
 * but `moorline_images_end_watch` stops it, so that an image which never comes that far is reset.
 */
#include "xsmc.h"
#include "mc.xs.h"

#include "sdkconfig.h"
#include "app_update/include/esp_ota_ops.h"

/* What moorline_images_activate answers. */
enum { ACTIVATED, NOT_BOOTABLE, NOT_WRITTEN };

/* ESP-IDF's own header of this is not in reach of the SDK's include path. The context, two words, is only written. */
extern void wdt_hal_init(void *context, int instance, uint32_t prescaler, bool isInterrupting);
#define WDT_RWDT 0

static esp_ota_img_states_t stateOf(const esp_partition_t *partition)
{
	esp_ota_img_states_t state;
	return ESP_OK == esp_ota_get_state_partition(partition, &state) ? state : ESP_OTA_IMG_INVALID;
}

static bool isOnTrial(void)
{
	return ESP_OTA_IMG_PENDING_VERIFY == stateOf(esp_ota_get_running_partition());
}

/* Without roll-back an image that was activated is on no trial: then there is nothing to offer. */
void moorline_images_exist(xsMachine *the)
{
#if CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE
	const esp_partition_t *other = esp_ota_get_next_update_partition(NULL);
	xsmcSetBoolean(xsResult, other && (other != esp_ota_get_running_partition()));
#else
	xsmcSetBoolean(xsResult, false);
#endif
}

void moorline_images_on_trial(xsMachine *the)
{
	xsmcSetBoolean(xsResult, isOnTrial());
}

/* Reads the whole of the other image to see that it would boot. */
void moorline_images_can_revert(xsMachine *the)
{
	esp_ota_img_states_t state = stateOf(esp_ota_get_next_update_partition(NULL));
	bool isConfirmed = (ESP_OTA_IMG_VALID == state) || (ESP_OTA_IMG_UNDEFINED == state);
	xsmcSetBoolean(xsResult, isConfirmed && esp_ota_check_rollback_is_possible());
}

void moorline_images_activate(xsMachine *the)
{
	esp_err_t error = esp_ota_set_boot_partition(esp_ota_get_next_update_partition(NULL));
	bool isRefused = (ESP_ERR_OTA_VALIDATE_FAILED == error) || (ESP_ERR_OTA_SMALL_SEC_VER == error);
	xsmcSetInteger(xsResult, (ESP_OK == error) ? ACTIVATED : isRefused ? NOT_BOOTABLE : NOT_WRITTEN);
}

/* Answers whether it is confirmed now. */
void moorline_images_confirm(xsMachine *the)
{
	xsmcSetBoolean(xsResult, !isOnTrial() || (ESP_OK == esp_ota_mark_app_valid_cancel_rollback()));
}

/* Returns only when it could not be done. */
void moorline_images_revert(xsMachine *the)
{
	esp_ota_mark_app_invalid_rollback_and_reboot();
}

/*
 * The other slot is about to be written: takes the entry of the image in it away, as esp_ota_begin does, lest what was
 * never confirmed pass for the image before. Where there is no such entry, it fails and need not do anything.
 */
void moorline_images_release(xsMachine *the)
{
	esp_ota_invalidate_inactive_ota_data_slot();
}

/* Stops the watchdog and all its stages. */
void moorline_images_end_watch(xsMachine *the)
{
	void *context[2];
	wdt_hal_init(context, WDT_RWDT, 0, false);
}
