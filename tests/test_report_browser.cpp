// report.html as a browser shows it: Chromium, where it is installed.
#include "app/html.h"
#include "data/process.h"
#include "program.h"

namespace coopnets {
namespace {

constexpr char listener[] =
    "<script>const problems=[];onerror=said=>{problems.push(said);};"
    "console.error=said=>{problems.push(said);};</script>";

// Its result replaces the page: "checked 400: ." where nothing is wrong.
constexpr char checks[] = R"(<script>
const images=[...document.images],shown=images.filter(i=>i.id);
for(const kind in sheets)for(const source of sheets[kind]){  // the page counts as loaded when they are
const image=document.createElement('img');image.src=source;image.style.display='none';
document.body.append(image);images.push(image);}
addEventListener('load',()=>{
const wrong=[],before=shown.map(i=>i.src),when=document.getElementById('when');
const check=(good,what)=>{if(!good)wrong.push(what);};
check(images.length>=7&&images.every(i=>i.naturalWidth>0),'pictures');
check(document.documentElement.scrollWidth<=innerWidth,'overflow');
when.value=0;when.dispatchEvent(new Event('input'));
check(shown.length==2&&shown.every((i,k)=>i.src!=before[k]),'slider');
check(document.getElementById('at').textContent=='1','iteration');
parent.document.body.textContent='checked '+innerWidth+': '+problems.concat(wrong).join(', ')+'.';
});</script>)";

class ReportInBrowser : public ProgramTest {
 protected:
  // What the checks say of a page in a window of so many columns.
  std::string seen(std::string page, int width) const {
    page.insert(page.find("<head>") + 6, listener);
    page.insert(page.find("</body>"), checks);
    // In a frame, since no window is narrower than 500 pixels.
    write_atomically(
        folder + "/page.html",
        "<!DOCTYPE html><html><head></head><body><iframe style=\"height:900px;width:" + std::to_string(width) +
            "px;border:0\" srcdoc=\"" + escaped(page) + "\"></iframe></body></html>");
    Process browser({"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--user-data-dir=" + folder + "/browser", "--virtual-time-budget=20000", "--window-size=1500,1000",
                     "--dump-dom", "file://" + folder + "/page.html"},
                    "cannot run chromium");
    std::string text;
    char piece[4096];
    for (size_t count; (count = browser.read(piece, sizeof piece)) > 0;) text.append(piece, count);
    EXPECT_EQ(browser.finish(), 0) << browser.last_error_line();
    const size_t at = text.find("<body>checked "), end = text.find("</body>");
    return at == std::string::npos ? "the page did not run its checks" : text.substr(at + 6, end - at - 6);
  }
};

std::string replaced(std::string text, const std::string &part, const std::string &by) {
  return text.replace(text.find(part), part.size(), by);
}

TEST_F(ReportInBrowser, has_no_error_shows_its_pictures_and_fits_the_window) {
  if (!on_path("chromium")) GTEST_SKIP() << "chromium is not installed, so the page is not opened";
  expect_success(train(3));
  const std::string page = read_file(path("report.html"), size_t{1} << 26);
  for (const int width : {400, 1400}) {
    const std::string said = seen(page, width);
    EXPECT_EQ(said.substr(0, 8), "checked ");
    EXPECT_EQ(said, "checked " + std::to_string(width) + ": .");
  }
  // The checks see what is wrong.
  std::string bad = replaced(page, "when.oninput=show", "when.onclick=show");
  bad = replaced(bad, "data:image/png;base64,", "data:image/png;base64,AAAA");
  bad = replaced(bad, "<h2>", "<p style=\"width:3000px\">wide</p><script>nothing.at.all();</script><h2>");
  const std::string said = seen(bad, 1400);
  for (const char *what : {"nothing is not defined", ", pictures"}) EXPECT_CONTAINS(said, what);
  bad = replaced(page, "when.oninput=show", "when.onclick=show");
  EXPECT_CONTAINS(seen(replaced(bad, "<h2>", "<p style=\"width:3000px\">wide</p><h2>"), 1400),
                  ": overflow, slider, iteration.");
}

}  // namespace
}  // namespace coopnets
