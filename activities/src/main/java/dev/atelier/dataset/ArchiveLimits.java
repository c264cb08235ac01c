package dev.atelier.dataset;

/**
 * What an archive and a download may take.
 *
 * @param entries files in an archive, at most
 * @param bytes of an archive unpacked, and of a download, at most
 * @param ratio bytes unpacked for each byte of an archive, at most; small archives are let through
 */
public record ArchiveLimits(long entries, long bytes, int ratio) {

  /** Enough for every dataset that fits a disk. */
  public static final ArchiveLimits DEFAULTS =
      new ArchiveLimits(20_000_000, 2_000_000_000_000L, 200);
}
