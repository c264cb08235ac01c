/**
 * The worker program: activities of the workflows, what they report, and what becomes of them when
 * a process ends.
 */
package dev.atelier.worker;
