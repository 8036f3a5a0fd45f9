DELETE FROM `jobs` WHERE `id` NOT IN (SELECT max(`id`) FROM `jobs` GROUP BY `call_id`, `kind`);--> statement-breakpoint
ALTER TABLE `calls` ADD `dial_lease_until` integer;--> statement-breakpoint
ALTER TABLE `conversations` ADD `revision` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
DROP INDEX IF EXISTS `jobs_of_call`;--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_once` ON `jobs` (`call_id`,`kind`);