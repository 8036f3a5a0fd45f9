ALTER TABLE `calls` ADD `session_end` text;--> statement-breakpoint
ALTER TABLE `calls` ADD `transfer` text;