CREATE TABLE `voice_messages` (
	`recording_sid` text PRIMARY KEY,
	`call_id` text NOT NULL,
	`menu` text NOT NULL,
	`step` text NOT NULL,
	`status` text NOT NULL,
	`url` text NOT NULL,
	`duration_seconds` integer,
	`transcription` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	CONSTRAINT `fk_voice_messages_call_id_calls_id_fk` FOREIGN KEY (`call_id`) REFERENCES `calls`(`id`) ON DELETE CASCADE
);
--> statement-breakpoint
ALTER TABLE `calls` ADD `verified_number` text;--> statement-breakpoint
ALTER TABLE `calls` ADD `menu` text;--> statement-breakpoint
ALTER TABLE `calls` ADD `menu_revision` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `voice_messages_of_call` ON `voice_messages` (`call_id`,`created_at`);