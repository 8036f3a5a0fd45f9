ALTER TABLE `calls` ADD `ivr_menu` text;--> statement-breakpoint
ALTER TABLE `calls` ADD `ivr_state` text;