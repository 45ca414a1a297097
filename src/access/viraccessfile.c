/*
 * viraccessfile.c: an administrator's list of who may do what with which domains
 *
 * Sections of settings, each of which lists words. A section gives permissions, and nothing takes
 * any away: the order of sections means nothing, and what no section gives is refused.
 *
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include <config.h>

#include "viraccessfile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "virerror_priv.h"
#include "virgettext.h"
#include "viruuid.h"

#define VIR_FROM_THIS VIR_FROM_CONF

/* Bytes for the record of one user or group: one with some ten thousand members. */
#define VIR_ACCESS_FILE_RECORD_MAX (1024 * 1024)

typedef enum {
    VIR_ACCESS_WHO_ANYBODY,
    VIR_ACCESS_WHO_USER,
    VIR_ACCESS_WHO_GROUP,
    VIR_ACCESS_WHO_SASL,
    VIR_ACCESS_WHO_DN,
    VIR_ACCESS_WHO_READ_ONLY,
} virAccessWhoKind;

typedef struct {
    virAccessWhoKind kind;
    uid_t uid;                  /* USER */
    gid_t gid;                  /* GROUP */
    char *pattern;              /* SASL, DN */
} virAccessWho;

typedef struct {
    char *pattern;              /* of names; NULL: it is a UUID */
    unsigned char uuid[VIR_UUID_BUFLEN];
} virAccessWhich;

typedef struct {
    size_t line;
    GArray *who;                /* virAccessWho; any of them */
    bool may[VIR_ACCESS_PERM_LAST];
    GArray *which;              /* virAccessWhich; any of them; NULL: not said */
    bool saidWho, saidMay;
} virAccessSection;

struct _virAccessFile {
    atomic_uint refs;
    GPtrArray *sections;        /* virAccessSection */
};

typedef struct {
    const char *name;           /* of the file */
    size_t line;
    const virAccessFileNames *names;
    virAccessFile *file;
    virAccessSection *section;  /* that lines belong to; NULL: none has begun */
    GHashTable *titles;         /* of sections so far */
} virAccessFileParser;

/* --- the pieces --- */

static void
virAccessWhoClear(void *opaque)
{
    g_free(((virAccessWho *)opaque)->pattern);
}

static void
virAccessWhichClear(void *opaque)
{
    g_free(((virAccessWhich *)opaque)->pattern);
}

static virAccessSection *
virAccessSectionNew(size_t line)
{
    virAccessSection *section = g_new0(virAccessSection, 1);

    section->line = line;
    section->who = g_array_new(FALSE, FALSE, sizeof(virAccessWho));
    g_array_set_clear_func(section->who, virAccessWhoClear);
    return section;
}

static void
virAccessSectionFree(void *opaque)
{
    virAccessSection *section = opaque;

    g_array_unref(section->who);
    if (section->which)
        g_array_unref(section->which);
    g_free(section);
}

static virAccessFile *
virAccessFileNew(void)
{
    virAccessFile *file = g_new0(virAccessFile, 1);

    atomic_init(&file->refs, 1);
    file->sections = g_ptr_array_new_with_free_func(virAccessSectionFree);
    return file;
}

virAccessFile *
virAccessFileRef(virAccessFile *file)
{
    atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
    return file;
}

void
virAccessFileUnref(virAccessFile *file)
{
    if (!file || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) != 1)
        return;
    g_ptr_array_unref(file->sections);
    g_free(file);
}

/* --- words --- */

/* Reports what is wrong with the line. */
static int virAccessFileFail(const virAccessFileParser *parser, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static int
virAccessFileFail(const virAccessFileParser *parser, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    virReportError(VIR_ERR_CONF_SYNTAX, "%s:%zu: %s", parser->name, parser->line, why);
    return -1;
}

/* What stands behind @prefix in @word, or NULL if it begins otherwise. */
static const char *
virAccessFileAfter(const char *word, const char *prefix)
{
    return g_str_has_prefix(word, prefix) ? word + strlen(prefix) : NULL;
}

/* A number of a user or a group: returns 1, 0 if @text is a name, -1 with an error reported. The
 * largest one means "none" to the kernel. */
static int
virAccessFileParseID(const virAccessFileParser *parser, const char *text, guint64 *id)
{
    if (!*text || strspn(text, G_CSET_DIGITS) < strlen(text))
        return 0;
    *id = g_ascii_strtoull(text, NULL, 10);
    if (strlen(text) > 10 || *id >= G_MAXUINT32)
        return virAccessFileFail(parser, _("'%s' is no number of a user or a group"), text);
    return 1;
}

static int
virAccessFileParseUser(const virAccessFileParser *parser, const char *text, virAccessWho *who)
{
    guint64 id;
    int rc = virAccessFileParseID(parser, text, &id);

    if (rc == 0 && (rc = parser->names->user(text, &who->uid)) <= 0)
        return virAccessFileFail(parser, rc == 0 ? _("there is no user '%s'") :
                                 _("user '%s' cannot be looked up"), text);
    if (rc > 0 && g_ascii_isdigit(*text))
        who->uid = (uid_t)id;
    who->kind = VIR_ACCESS_WHO_USER;
    return MIN(rc, 0);
}

static int
virAccessFileParseGroup(const virAccessFileParser *parser, const char *text, virAccessWho *who)
{
    guint64 id;
    int rc = virAccessFileParseID(parser, text, &id);

    if (rc == 0 && (rc = parser->names->group(text, &who->gid)) <= 0)
        return virAccessFileFail(parser, rc == 0 ? _("there is no group '%s'") :
                                 _("group '%s' cannot be looked up"), text);
    if (rc > 0 && g_ascii_isdigit(*text))
        who->gid = (gid_t)id;
    who->kind = VIR_ACCESS_WHO_GROUP;
    return MIN(rc, 0);
}

static int
virAccessFileParsePattern(const virAccessFileParser *parser, const char *text,
                          virAccessWhoKind kind, virAccessWho *who)
{
    if (!*text)
        return virAccessFileFail(parser, "%s", _("a name is missing behind the colon"));
    who->kind = kind;
    who->pattern = g_strdup(text);
    return 0;
}

static int
virAccessFileTakeWho(virAccessFileParser *parser, const char *word)
{
    virAccessWho who = { VIR_ACCESS_WHO_ANYBODY, 0, 0, NULL };
    const char *text;
    int rc = 0;

    if ((text = virAccessFileAfter(word, "user:")))
        rc = virAccessFileParseUser(parser, text, &who);
    else if ((text = virAccessFileAfter(word, "group:")))
        rc = virAccessFileParseGroup(parser, text, &who);
    else if ((text = virAccessFileAfter(word, "sasl:")))
        rc = virAccessFileParsePattern(parser, text, VIR_ACCESS_WHO_SASL, &who);
    else if ((text = virAccessFileAfter(word, "dn:")))
        rc = virAccessFileParsePattern(parser, text, VIR_ACCESS_WHO_DN, &who);
    else if (strcmp(word, "read-only") == 0)
        who.kind = VIR_ACCESS_WHO_READ_ONLY;
    else if (strcmp(word, "anybody") != 0)
        rc = virAccessFileFail(parser, _("'%s' does not say who: it should be user:NAME, "
                                         "group:NAME, sasl:NAME, dn:NAME, read-only or anybody"),
                               word);
    if (rc == 0)
        g_array_append_val(parser->section->who, who);
    return rc;
}

static int
virAccessFileTakeMay(virAccessFileParser *parser, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(word, ":", 2);
    bool found = false;
    int perm;

    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        if (strcmp(word, "*") == 0 ||
            (parts[1] && strcmp(parts[0], virAccessPermClass((virAccessPerm)perm)) == 0 &&
             (strcmp(parts[1], "*") == 0 ||
              strcmp(parts[1], virAccessPermName((virAccessPerm)perm)) == 0))) {
            parser->section->may[perm] = true;
            found = true;
        }
    }
    return found ? 0 : virAccessFileFail(parser, _("there is no permission '%s'"), word);
}

static int
virAccessFileTakeWhich(virAccessFileParser *parser, const char *word)
{
    virAccessWhich which = { NULL, { 0 } };
    const char *text = virAccessFileAfter(word, "uuid:");

    if (text && virUUIDParse(text, which.uuid) < 0)
        return virAccessFileFail(parser, _("'%s' is no UUID"), text);
    if (!text)
        which.pattern = g_strdup(word);
    g_array_append_val(parser->section->which, which);
    return 0;
}

/* --- lines --- */

static const char *
virAccessFileSkipBlanks(const char *at)
{
    return at + strspn(at, " \t\r");
}

/* The next word of a line from *@at on, which goes behind it; in "" it may have blanks. 1 with a new
 * @word, 0 at the end of the line or at a comment, -1 with an error reported. */
static int
virAccessFileNextWord(const virAccessFileParser *parser, const char **at, char **word)
{
    const char *start = virAccessFileSkipBlanks(*at);
    const char *end;

    if (!*start || *start == '#')
        return 0;
    if (*start == '"') {
        if (!(end = strchr(++start, '"')))
            return virAccessFileFail(parser, "%s", _("a quotation mark is missing"));
        *at = end + 1;
        if (end == start || (**at && !strchr(" \t\r#", **at)))
            return virAccessFileFail(parser, "%s", _("a blank was expected behind a text in "
                                                     "quotation marks, which must not be empty"));
    } else {
        end = start + strcspn(start, " \t\r\"");
        if (*end == '"')
            return virAccessFileFail(parser, "%s",
                                     _("a quotation mark stands in the middle of a word"));
        *at = end;
    }
    *word = g_strndup(start, end - start);
    return 1;
}

/* Calls @take for each word. */
static int
virAccessFileTakeWords(virAccessFileParser *parser, const char *at,
                       int (*take)(virAccessFileParser *parser, const char *word))
{
    size_t count = 0;
    int rc;

    for (;;) {
        g_autofree char *word = NULL;

        if ((rc = virAccessFileNextWord(parser, &at, &word)) < 0)
            return -1;
        if (rc == 0)
            break;
        if (take(parser, word) < 0)
            return -1;
        count++;
    }
    return count > 0 ? 0 : virAccessFileFail(parser, "%s", _("there is nothing behind '='"));
}

/* "may = ..." */
static int
virAccessFileParseSetting(virAccessFileParser *parser, const char *at)
{
    size_t len = strspn(at, G_CSET_a_2_z "-");
    g_autofree char *setting = g_strndup(at, len);
    virAccessSection *section = parser->section;

    at = virAccessFileSkipBlanks(at + len);
    if (len == 0 || *at != '=')
        return virAccessFileFail(parser, "%s", _("[SECTION] or SETTING = WORDS was expected"));
    at++;
    if (!section)
        return virAccessFileFail(parser, _("'%s' stands in no section"), setting);
    if (strcmp(setting, "who") == 0 && !section->saidWho) {
        section->saidWho = true;
        return virAccessFileTakeWords(parser, at, virAccessFileTakeWho);
    }
    if (strcmp(setting, "may") == 0 && !section->saidMay) {
        section->saidMay = true;
        return virAccessFileTakeWords(parser, at, virAccessFileTakeMay);
    }
    if (strcmp(setting, "domains") == 0 && !section->which) {
        section->which = g_array_new(FALSE, FALSE, sizeof(virAccessWhich));
        g_array_set_clear_func(section->which, virAccessWhichClear);
        return virAccessFileTakeWords(parser, at, virAccessFileTakeWhich);
    }
    if (strcmp(setting, "who") == 0 || strcmp(setting, "may") == 0 ||
        strcmp(setting, "domains") == 0)
        return virAccessFileFail(parser, _("'%s' is set already in this section"), setting);
    return virAccessFileFail(parser, _("there is no setting '%s'; there are who, may and domains"),
                             setting);
}

/* Whether the section that ends here is whole. */
static int
virAccessFileEndSection(virAccessFileParser *parser)
{
    virAccessSection *section = g_steal_pointer(&parser->section);
    int perm;

    if (!section)
        return 0;
    /* The messages are about its first line. */
    parser->line = section->line;
    if (!section->saidWho)
        return virAccessFileFail(parser, "%s", _("the section does not say who"));
    if (!section->saidMay)
        return virAccessFileFail(parser, "%s", _("the section does not say what he may do"));
    for (perm = VIR_ACCESS_PERM_NONE + 1; perm < VIR_ACCESS_PERM_LAST; perm++) {
        if (section->may[perm] && virAccessPermIsDomain((virAccessPerm)perm) && !section->which)
            return virAccessFileFail(parser, _("the section gives 'domain:%s' and does not say "
                                               "for which domains: '*' are all"),
                                     virAccessPermName((virAccessPerm)perm));
    }
    return 0;
}

/* "[operators]" */
static int
virAccessFileParseTitle(virAccessFileParser *parser, const char *at)
{
    const char *end = strchr(at, ']');
    g_autofree char *title = end ? g_strndup(at + 1, end - at - 1) : NULL;
    const char *rest = end ? virAccessFileSkipBlanks(end + 1) : NULL;
    size_t line = parser->line;

    if (!title || !*title || (*rest && *rest != '#'))
        return virAccessFileFail(parser, "%s", _("[SECTION] or SETTING = WORDS was expected"));
    if (virAccessFileEndSection(parser) < 0)
        return -1;
    parser->line = line;
    if (g_hash_table_contains(parser->titles, title))
        return virAccessFileFail(parser, _("there is a section '%s' already"), title);
    g_hash_table_add(parser->titles, g_steal_pointer(&title));
    parser->section = virAccessSectionNew(line);
    g_ptr_array_add(parser->file->sections, parser->section);
    return 0;
}

static int
virAccessFileParseLine(virAccessFileParser *parser, const char *line)
{
    const char *at = virAccessFileSkipBlanks(line);

    if (!*at || *at == '#')
        return 0;
    return *at == '[' ? virAccessFileParseTitle(parser, at) :
                        virAccessFileParseSetting(parser, at);
}

virAccessFile *
virAccessFileParse(const char *text, size_t len, const char *name,
                   const virAccessFileNames *names)
{
    g_autoptr(virAccessFile) file = virAccessFileNew();
    g_autoptr(GHashTable) titles = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    virAccessFileParser parser = { name, 0, names, file, NULL, titles };
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', end - text);
        size_t lineLen = newline ? (size_t)(newline - text) : (size_t)(end - text);
        g_autofree char *line = g_strndup(text, lineLen);

        parser.line++;
        if (strlen(line) < lineLen || !g_utf8_validate(line, -1, NULL)) {
            virAccessFileFail(&parser, "%s", _("the line is no text in UTF-8"));
            return NULL;
        }
        if (virAccessFileParseLine(&parser, line) < 0)
            return NULL;
        text += lineLen + (newline ? 1 : 0);
    }
    if (virAccessFileEndSection(&parser) < 0)
        return NULL;
    return g_steal_pointer(&file);
}

/* --- the file, and this host's users --- */

/* What is too large for @buf is asked for again with twice as much. */
static bool
virAccessFileGrow(int err, char **buf, size_t *size)
{
    if (err != ERANGE || *size >= VIR_ACCESS_FILE_RECORD_MAX)
        return false;
    *size *= 2;
    *buf = g_realloc(*buf, *size);
    return true;
}

/* What getpwnam_r() and getgrnam_r() return for a name that isn't there; they are documented to
 * return 0, and modules of NSS return whatever they like. */
static int
virAccessFileLookedUp(int err, bool found)
{
    if (found)
        return 1;
    return err == 0 || err == ENOENT || err == ESRCH ? 0 : -1;
}

static int
virAccessFileFindUser(const char *name, uid_t *uid)
{
    size_t size = 4096;
    g_autofree char *buf = g_malloc(size);
    struct passwd record;
    struct passwd *found = NULL;
    int err;

    do {
        err = getpwnam_r(name, &record, buf, size, &found);
    } while (virAccessFileGrow(err, &buf, &size));
    if (found)
        *uid = record.pw_uid;
    return virAccessFileLookedUp(err, found != NULL);
}

static int
virAccessFileFindGroup(const char *name, gid_t *gid)
{
    size_t size = 4096;
    g_autofree char *buf = g_malloc(size);
    struct group record;
    struct group *found = NULL;
    int err;

    do {
        err = getgrnam_r(name, &record, buf, size, &found);
    } while (virAccessFileGrow(err, &buf, &size));
    if (found)
        *gid = record.gr_gid;
    return virAccessFileLookedUp(err, found != NULL);
}

static const virAccessFileNames virAccessFileHostNames = {
    .user = virAccessFileFindUser,
    .group = virAccessFileFindGroup,
};

virAccessFile *
virAccessFileLoad(const char *path)
{
    g_autofree char *text = g_malloc(VIR_ACCESS_FILE_BYTES_MAX + 1);
    size_t len = 0;
    ssize_t got;
    int err;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        virReportSystemError(errno, _("cannot open file '%1$s'"), path);
        return NULL;
    }
    do {
        got = read(fd, text + len, VIR_ACCESS_FILE_BYTES_MAX + 1 - len);
        len += MAX(got, 0);
    } while (got > 0 || (got < 0 && errno == EINTR));
    err = errno;
    close(fd);
    if (got < 0) {
        virReportSystemError(err, _("cannot read file '%1$s'"), path);
        return NULL;
    }
    if (len > VIR_ACCESS_FILE_BYTES_MAX) {
        virReportError(VIR_ERR_CONF_SYNTAX, _("file '%1$s' is larger than %2$d bytes"), path,
                       VIR_ACCESS_FILE_BYTES_MAX);
        return NULL;
    }
    return virAccessFileParse(text, len, path, &virAccessFileHostNames);
}

/* --- matching --- */

/* The next character; a NUL ends every one, be it whole or not. */
static const char *
virAccessFileNextChar(const char *text)
{
    do {
        text++;
    } while ((*text & 0xc0) == 0x80);
    return text;
}

/* After a star, it is tried to go on at each place of the text; an earlier star need not be tried
 * again, as the later one takes what the earlier one might have. */
bool
virAccessFileGlobMatches(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *from = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == '?') {
            pattern++;
            text = virAccessFileNextChar(text);
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static bool
virAccessFileWhoIs(const virAccessWho *who, const virIdentity *identity,
                   virAccessFileIsInGroupFunc isInGroup, void *opaque)
{
    const char *text;
    uid_t uid;

    switch (who->kind) {
    case VIR_ACCESS_WHO_ANYBODY:
        return true;
    case VIR_ACCESS_WHO_USER:
        return virIdentityGetUNIXUserID(identity, &uid) && uid == who->uid;
    case VIR_ACCESS_WHO_GROUP:
        return isInGroup(who->gid, opaque);
    case VIR_ACCESS_WHO_SASL:
        text = virIdentityGetSASLUserName(identity);
        return text && virAccessFileGlobMatches(who->pattern, text);
    case VIR_ACCESS_WHO_DN:
        text = virIdentityGetX509DName(identity);
        return text && virAccessFileGlobMatches(who->pattern, text);
    case VIR_ACCESS_WHO_READ_ONLY:
        return virIdentityIsReadOnly(identity);
    }
    return false;
}

/* Where no domain is named, one that might be meant is enough. */
static bool
virAccessFileIsMeant(const virAccessSection *section, const virAccessQuestion *question)
{
    guint i;

    if (!virAccessPermIsDomain(question->perm) || !question->domainUUID)
        return true;
    for (i = 0; i < section->which->len; i++) {
        const virAccessWhich *which = &g_array_index(section->which, virAccessWhich, i);

        if (which->pattern ? virAccessFileGlobMatches(which->pattern, question->domainName) :
                             virUUIDEqual(which->uuid, question->domainUUID))
            return true;
    }
    return false;
}

bool
virAccessFileAllows(const virAccessFile *file, const virAccessQuestion *question,
                    virAccessFileIsInGroupFunc isInGroup, void *opaque)
{
    guint i, j;

    for (i = 0; i < file->sections->len; i++) {
        const virAccessSection *section = g_ptr_array_index(file->sections, i);

        if (!section->may[question->perm] || !virAccessFileIsMeant(section, question))
            continue;
        for (j = 0; j < section->who->len; j++) {
            if (virAccessFileWhoIs(&g_array_index(section->who, virAccessWho, j),
                                   question->identity, isInGroup, opaque))
                return true;
        }
    }
    return false;
}
