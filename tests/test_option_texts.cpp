// The completion scripts and the manual page that are made of the table of options.
#include "app/option_texts.h"

#include "app/option_table.h"
#include "files.h"
#include "tensor/file.h"
#include "tools.h"

namespace coopnets {
namespace {

class OptionTexts : public FolderTest {
 protected:
  // What bash offers for the last of these words, in a folder with `photo one.png`, `photos/` and `notes.txt`.
  std::string offered(const std::string &words) const {
    return tools::run("cd '" + folder + "' && bash -c '. ./completion; COMP_WORDS=(coopnets " + words +
                      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _coopnets 2>/dev/null; "
                      "printf \"%s|\" \"${COMPREPLY[@]}\"'")
        .text;
  }
  const Vocabulary names = {{"texture", "scene"}, {"digits", "all"}, {"quick", "paper"}, {"cooperative", "wgan"}};
};

TEST_F(OptionTexts, bash_completes_options_names_settings_and_files) {
  write_atomically(folder + "/completion", completion_text("bash", names));
  write_atomically(folder + "/photo one.png", "");
  write_atomically(folder + "/notes.txt", "");
  std::filesystem::create_directory(folder + "/photos");
  EXPECT_EQ(offered("--ex"), "--exp|");
  EXPECT_CONTAINS(offered("\"\""), "--exp|--sample|");
  EXPECT_EQ(offered("--exp te"), "texture|");
  EXPECT_EQ(offered("--exp = te"), "texture|");  // as bash parts --exp=te
  EXPECT_EQ(offered("--exp ="), "texture|scene|");
  EXPECT_EQ(offered("--exp scene --algorithm w"), "wgan|");
  EXPECT_EQ(offered("--set langevin_steps"), "langevin_steps=|");
  EXPECT_EQ(offered("--set sigma = 1 langevin_steps"), "langevin_steps=|");
  EXPECT_EQ(offered("--set sigma ="), "|");
  EXPECT_EQ(offered("--data photo"), "photo one.png|photos|");
  EXPECT_EQ(offered("--out photo"), "photos|");
  EXPECT_EQ(offered("--seed \"\""), "|");
  EXPECT_EQ(offered("--resume --dry"), "--dry-run|");
}

TEST_F(OptionTexts, zsh_knows_every_option_and_has_balanced_quotes) {
  const std::string script = completion_text("zsh", names);
  EXPECT_EQ(script.find("#compdef coopnets\n"), 0u);
  for (const Option &option : option_table(names)) EXPECT_CONTAINS(script, "--" + option.field.name);
  EXPECT_CONTAINS(script, ":NAME:(texture scene)'");
  EXPECT_CONTAINS(script, "'*--set=[");
  EXPECT_CONTAINS(script, "::PICTURE:_files'");
  write_atomically(folder + "/_coopnets", script);
  // The shells agree on quoting.
  EXPECT_EQ(tools::run("bash -n '" + folder + "/_coopnets'").text, "");
  EXPECT_EQ(tools::run("command -v zsh > /dev/null || exit 0; zsh -n '" + folder + "/_coopnets'").text, "");
}

TEST_F(OptionTexts, the_manual_page_explains_every_option_and_setting) {
  const std::string page = man_text(names);
  for (const Option &option : option_table(names)) {
    std::string name = option.field.name;
    for (size_t at = 0; (at = name.find('-', at)) != std::string::npos; at += 2) name.insert(at, "\\");
    EXPECT_CONTAINS(page, "\n\\fB\\-\\-" + name + "\\fR");
  }
  for (const Field<Settings> &field : setting_fields()) EXPECT_CONTAINS(page, "\n\\fB" + field.name + "\\fR\n");
  EXPECT_CONTAINS(page, "\\fB\\-\\-complete\\fR \\fI[PICTURE]\\fR\n");
  write_atomically(folder + "/coopnets.1", page);
  const tools::Outcome shown = tools::run("command -v groff > /dev/null || exit 0; groff -man -Tascii -ww '" + folder +
                                          "/coopnets.1' > '" + folder + "/shown'");
  EXPECT_EQ(shown.text, "");
}

}  // namespace
}  // namespace coopnets
