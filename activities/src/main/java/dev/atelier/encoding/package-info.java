/** What networks see of a dataset: latents of its images and texts of its captions, in shards. */
package dev.atelier.encoding;
