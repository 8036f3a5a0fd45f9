CREATE TABLE `quota_uses` (
	`kind` text NOT NULL,
	`subject` text NOT NULL,
	`at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `quota_uses_time` ON `quota_uses` (`kind`,`at`);