/** Keeps rows and objects together: deletion, and the check of both ways. */
package dev.atelier.api.maintenance;
